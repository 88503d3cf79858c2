"""What the source shows, told from the motion, and from where the person is.

A source pixel can end up in one place only. Where two driving pixels read the same one, the one that moved farther is
in front, such as a head, and takes it with it; the other, such as the wall beside it, was hidden in the source.

Where a matte tells the person in the source, and the motion where they are now, more is known (`Person`). A person made
of wall, such as the neck behind a cheek that turns away, was never shown, nor was a wall made of a person who has gone
on, or of hair at their edge. Unlike who reads which pixel, which changes from cell to cell and from frame to frame, the
matte stays: an edge told by it does not flicker. And hair that is read twice is still hair: as it is, it looks better
than anything made up, where a second nose does not. Not so the outermost cells of a person, which hold some wall: a
head that turns far draws them out, wall and all, over ear and neck that the source has never shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.parts.stage import Stage

_AROUND = 3  # cells around one of the person that tell how far the person moves there
_RIM = 1  # cells around the person in the source that hair reaches into
_TOUCHED = (0.2, 0.6)  # how much of a person and their rim is read, from a wall to nothing that a wall is made of
_WALL = (0.1, 0.5)  # how much of the person there is now, from a wall to none
_GONE = 0.4  # part of the margin by which a person has to outrun a wall at their edge
_OUTLINE = (10, 454, 397, 152, 172, 234)  # landmarks, clockwise as one sees them
_BEYOND, _SOFT = 0.02, 1 / 60  # how far beyond its outline a face goes, and how softly it ends, in [-1, 1] units


@dataclass(frozen=True)
class Person:
    """Where the person is, `[B, 1, S, S]` in [0, 1] each.

    Attributes:
        matte: in the source.
        face: their face in the source, see `face_area`, or None if keypoints do not tell.
        front: now, or None if the motion has no edge to tell it by.
    """

    matte: Tensor
    face: Tensor | None = None
    front: Tensor | None = None


def face_area(keypoints: Keypoints, side: int) -> Tensor:
    """Return where the face is among `[B, K, 2]` whose first follow `TIED_LANDMARKS`, `[B, 1, S, S]` in [0, 1]."""
    outline = keypoints.value[:, [TIED_LANDMARKS.index(landmark) for landmark in _OUTLINE]].float()  # [B, 6, 2]
    along = outline.roll(-1, 1) - outline
    inward = torch.stack((-along[..., 1], along[..., 0]), dim=-1) / along.norm(dim=-1, keepdim=True).clamp_min(1e-4)
    grid = coordinate_grid(side, side, outline, corners=False)  # [S, S, 2]
    depth: Tensor = torch.einsum("hwc,bnc->bnhw", grid, inward) - (outline * inward).sum(-1)[..., None, None]
    return torch.sigmoid((depth.amin(1, keepdim=True) + _BEYOND) / _SOFT)  # [B, 1, S, S]


@torch.no_grad()
def shown_in_source(displacement: Tensor, margin: float, rim: int = 0, person: Person | None = None) -> Tensor:
    """Tell where the source shows what belongs into a driving pixel.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        margin: how much farther the other must have moved to be told apart, in the same units.
        rim: cells around what something in front took with it that count as taken, too, by whatever moved less than
            half as far: hair and soft edges of a head before a wall. A face that turns is no rim of its own nose.
            Above 0, the source does not show either what lies beyond its own edges.
        person: what is known of them. A wall that is made of the person or their rim counts as taken, too, where the
            person around there has moved on: the ghost of a shoulder, locks of hair that the flow leaves behind.

    Returns:
        `[B, 1, S, S]`, 1 where the source shows it, 0 where it does not. No gradient.
    """
    size, taken, place = _taken(displacement.float())
    gap = _outrun(size, taken, place, rim)
    shown = _less(gap, margin) if person is None else _shown_of(person, gap, size, taken, place, margin)
    return shown * _within(place) if rim else shown


@torch.no_grad()
def shown_in_layers(displacement: Tensor, margin: float, rim: int, person: Person) -> tuple[Tensor, Tensor]:
    """Tell what the source shows of a person who moves before a wall that rests, each a layer of its own.

    Args:
        displacement: of the person, 0 where they are not, `[B, 2, S, S]` in [-1, 1] units.
        margin: see `shown_in_source`.
        rim: likewise.
        person: what is known of them in the source.

    Returns:
        Where the source shows the person, and where it shows the wall, `[B, 1, S, S]` each: hair that is read twice
        is still hair, a second nose is not; of the wall, what is not behind the person and their rim, and all of it
        where the person has not moved on.
    """
    size, taken, place = _taken(displacement.float())
    gap = _outrun(size, taken, place, rim)
    matte = person.matte
    shown = _less(gap, margin)
    if person.face is not None:
        read, face = _read(torch.cat((matte, person.face), dim=1), place).chunk(2, dim=1)
        shown = torch.maximum(shown, read * (1 - face))
    step, share = F.avg_pool2d(torch.cat((taken * matte, matte)), 2 * _AROUND + 1, 1, _AROUND).chunk(2)
    gone = 1 - _less(step / share.clamp_min(1e-3), _GONE * margin)
    rimmed = F.max_pool2d(matte, 2 * _RIM + 1, stride=1, padding=_RIM)
    return shown * _within(place), 1 - gone * _rise(rimmed, _TOUCHED)


def _taken(move: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return how far cells moved, how far what took each source cell moved, and the places that are read.

    `[B, 1, S, S]`, likewise, and `[B, 2, S, S]`, for a displacement `[B, 2, S, S]`.
    """
    batch, _, height, width = move.shape
    size = move.square().sum(1).sqrt()  # [B, S, S]
    place = move + coordinate_grid(height, width, move, corners=False).permute(2, 0, 1)  # [B, 2, S, S]
    column = ((place[:, 0] + 1) * width - 1) / 2
    row = ((place[:, 1] + 1) * height - 1) / 2
    farthest = move.new_zeros(batch, height * width)
    above, left = row.floor().long(), column.floor().long()
    for down in (0, 1):
        for right in (0, 1):
            y = (above + down).clamp(0, height - 1)
            x = (left + right).clamp(0, width - 1)
            farthest.scatter_reduce_(1, (y * width + x).flatten(1), size.flatten(1), "amax")
    return size[:, None], farthest.view(batch, 1, height, width), place


def _outrun(size: Tensor, taken: Tensor, place: Tensor, rim: int) -> Tensor:
    """Return how much farther than each cell what took its source moved, `[B, 1, S, S]`."""
    wide = F.max_pool2d(taken, 2 * rim + 1, stride=1, padding=rim)
    read, wide = _read(torch.cat((taken, wide), dim=1), place).chunk(2, dim=1)
    return torch.where(2 * size < wide, wide, read) - size


def _within(place: Tensor) -> Tensor:
    """Return 1 where a place `[B, 2, S, S]` is in the picture, falling to 0 within a cell beyond, `[B, 1, S, S]`."""
    beyond = (place.abs().amax(1, keepdim=True) - 1) * (place.shape[3] / 2)  # in cells
    return (1 - beyond).clamp(0, 1)


def _shown_of(person: Person, gap: Tensor, size: Tensor, taken: Tensor, place: Tensor, margin: float) -> Tensor:
    """Return what the source shows, `[B, 1, S, S]`, where a person is known.

    Args:
        person: what is known of them.
        gap: how much farther than a driving pixel itself moved what took the source pixel, `[B, 1, S, S]`.
        size: how far the driving pixel moved, likewise.
        taken: how far what took them moved, of the source's own cells, likewise.
        place: the source coordinates that are read, `[B, 2, S, S]`.
        margin: see `shown_in_source`.
    """
    around = F.avg_pool2d(torch.cat((taken * person.matte, person.matte)), 2 * _AROUND + 1, stride=1, padding=_AROUND)
    step, share = around.chunk(2)
    rimmed = F.max_pool2d(person.matte, 2 * _RIM + 1, stride=1, padding=_RIM)
    planes = [step / share.clamp_min(1e-3), person.matte, rimmed]
    if person.face is not None:
        planes.append(person.face)
    step, matte, rimmed, *face = _read(torch.cat(planes, dim=1), place).chunk(len(planes), dim=1)
    wall = (2 * size < step).float() if person.front is None else 1 - _rise(person.front, _WALL)
    gone = 1 - _less(step - size, _GONE * margin)
    shown = _less(gap, margin) * (1 - wall * gone * _rise(rimmed, _TOUCHED))
    if person.front is None or not face:
        return shown
    return torch.where(person.front > 1 / 2, torch.maximum(shown, matte * (1 - face[0])), shown)


def _less(gap: Tensor, margin: float) -> Tensor:
    """Return 1 where a gap is below the margin, 0 where it is above, softly."""
    return torch.sigmoid((margin - gap) * (5 / margin))


def _rise(planes: Tensor, between: tuple[float, float]) -> Tensor:
    """Return 0 up to the lower bound, 1 from the upper one on, and a line between."""
    low, high = between
    return ((planes - low) / (high - low)).clamp(0, 1)


def _read(planes: Tensor, place: Tensor) -> Tensor:
    """Sample planes `[B, C, S, S]` at source coordinates `[B, 2, S, S]`."""
    return F.grid_sample(planes, place.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


class VisibilityStage(Stage):
    """What the source hides is told from the motion (`fomm.model.compact_motion`); without, all counts as shown."""

    name = "visibility"
