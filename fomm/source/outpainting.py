"""What of a person and of the wall is beyond a photo's edges, made up.

The head is closed by an arc, see `fomm.face.crown`; at other edges the person goes on as there. The person is continued
by the photo's mirror image, which leaves no seam, but nowhere by a mirrored face; a head above the photo, whose mirror
image soon is one, by texture of its hair, as in `fomm.source.background`. Of the wall the edge is repeated: nobody sees
it, since it rests, but what is behind the person is made up from it, too, and would become a mirrored room.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageDraw
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from torch import Tensor
from torch.nn import functional as F

from fomm.face.crop import CropWindow
from fomm.face.crown import crown
from fomm.geometry.grids import resize
from fomm.geometry.pull_push import LEAST, pull_push
from fomm.source.background import copy_places, find_places
from fomm.source.hair import FaceOval, hair_cells

_FINEST = 16  # pixels of a cell along either side, at most
# Cells above the photo, from where on the mirror image of a head gives way to texture, and where it ends: that of
# whatever is there, and that of hair.
_SEAM, _MIRROR = (0.5, 2.5), (4.0, 10.0)
_PATCH = 3  # cells of texture's patches along either side: hair above a forehead is thin
_SURE = 0.5  # share of a cell that must be the person's, or the wall's, for what it shows to be taken for that
_ANY = 0.02  # likewise, for it to be made up as such
_FACE = 1.15  # times a face's oval: what is inside is nowhere mirrored but above
_MARGIN = 2  # cells around the person that are not sure to be wall
_BELOW = 2.0  # cells that a drawn head reaches below the edge, so that nothing of it is left open
_FACE_AT = (0.5, 0.45)  # of the window's side: where heads are looked for without keypoints
_TOUCHING = np.ones((3, 3), bool)

Image = NDArray[np.uint8]
_Flags = NDArray[np.bool_]
_Pick = Callable[[tuple[float, float], int, int], Tensor]


class Continued:
    """A window laid out in cells, n along either side, of which the photo shows some.

    Below, S is the side of the whole in pixels.

    Args:
        photo: uint8 `[H, W, 3]`.
        window: the square that the networks see.
        matte: where the person is in it, `[n, n]` in [0, 1]; beyond the photo it is not looked at.
        face: where the face is, if that is known.
    """

    def __init__(
        self, photo: Image, window: CropWindow, matte: NDArray[np.float32], face: FaceOval | None = None
    ) -> None:
        self._matte, self._face = matte, face
        self._count = len(matte)
        cell = window.side / self._count
        self._pixels = min(max(math.ceil(cell), 4), _FINEST)  # of a cell, along either side
        self._size = self._count * self._pixels
        square = torch.from_numpy(window.crop(photo, self._size).copy())
        self._source = square.permute(2, 0, 1).float() / 255  # [3, S, S]
        self._colours = F.adaptive_avg_pool2d(self._source, self._count)  # [3, n, n]
        height, width = photo.shape[:2]
        self._across, self._down = (  # between which cells the photo is
            (-start / cell, (length - start) / cell) for start, length in ((window.x, width), (window.y, height))
        )
        self._columns, self._rows = (_whole(edges, self._count) for edges in (self._across, self._down))
        self._inside = self._rows[:, None] & self._columns  # [n, n]

    def picture(self) -> Image:
        """Return the window, uint8 `[S, S, 3]`; what the photo itself shows of it is only roughly right."""
        person = self._person()
        share = F.avg_pool2d(person[None, None], self._pixels)  # [1, 1, n, n]
        near = F.max_pool2d(share, 2 * _MARGIN + 1, 1, _MARGIN)
        wall, body = self._beside(1 - self._enlarged(near[0])[0]), self._beside(person)
        mirrored = person
        if self._face is not None:
            mirrored = person * self._enlarged(torch.from_numpy(self._face.way(self._count) > _FACE)[None].float())[0]
        body = torch.lerp(body, *self._taken(mirrored, _folded))
        if self._above:
            known = self._inside & (share[0, 0].numpy() > _SURE)
            if self._face is not None:
                known = hair_cells(self._colours.permute(1, 2, 0).numpy(), known, self._face)
            body[:, : self._above] = self._head(person, known)[:, : self._above]
        made = torch.lerp(wall, body, person).clamp(0, 1) * 255
        return made.round().byte().permute(1, 2, 0).numpy()

    def _person(self) -> Tensor:
        """Return where the person is, in the photo and beyond it, `[S, S]` in [0, 1]."""
        person = self._spread(self._matte)
        if not (above := self._above):
            return person
        person[:above] = 0
        x, y = _FACE_AT if self._face is None else ((place + 1) / 2 for place in self._face.centre)
        outline = crown(self._matte, self._down[0], (x * self._count, y * self._count))
        if outline is not None:
            points = np.concatenate((outline, outline[[-1, 0]] + (0, _BELOW))) * (2 * self._pixels)
            drawn = PIL.Image.new("L", (2 * self._size, 2 * self._size))  # twice as large, for smooth edges
            PIL.ImageDraw.Draw(drawn).polygon(points.ravel().tolist(), fill=255)
            head = np.asarray(drawn.resize((self._size, self._size), PIL.Image.Resampling.BOX), np.float32) / 255
            person[:above] = torch.from_numpy(head[:above])
        return person

    @property
    def _above(self) -> int:
        """Rows of pixels above the photo."""
        return max(0, round(self._down[0] * self._pixels))

    def _beside(self, own: Tensor) -> Tensor:
        """Return person or wall `[3, S, S]`, which is where `own` says: the photo's edge, else the colours around."""
        known = self._inside & (F.avg_pool2d(own[None, None], self._pixels)[0, 0].numpy() > 1 - _ANY)
        return torch.lerp(self._enlarged(self._smooth(known)), *self._taken(own, _held))

    def _head(self, person: Tensor, known: _Flags) -> Tensor:
        """Return a head above the photo `[3, S, S]`: its mirror image near the edge, and texture further up.

        Args:
            person: where the person is, `[S, S]` in [0, 1].
            known: which cells show what the head goes on with, `[n, n]`.
        """
        mirrored, share = self._taken(person, _folded)
        away = self._down[0] - (torch.arange(self._size) + 0.5) / self._pixels  # [S], in cells above the photo
        seam, far = (((end - away) / (end - begin)).clamp(0, 1)[:, None] for begin, end in (_SEAM, _MIRROR))
        hair = self._spread(known.astype(np.float32))
        of_hair = far * self._laid_out(hair, _folded)
        share = share * torch.where(hair[:1] > _SURE, of_hair, torch.maximum(seam, of_hair))
        lacking = F.avg_pool2d((person * (1 - share))[None, None], self._pixels)[0, 0].numpy()
        hole = ~self._inside & binary_dilation(lacking > _ANY, _TOUCHING)
        hole[math.ceil(self._down[0]) :] = False
        return torch.lerp(self._textured(known, hole), mirrored, share)

    def _taken(self, own: Tensor, pick: _Pick) -> tuple[Tensor, Tensor]:
        """Return the source laid out beyond the photo, `[3, S, S]`, and how far it shows what `own` is of, `[S, S]`."""
        share = ((self._laid_out(own, pick) - _SURE) / (1 - _SURE)).clamp(0, 1)
        return self._laid_out(self._source, pick), share

    def _laid_out(self, planes: Tensor, pick: _Pick) -> Tensor:
        """Return planes `[..., S, S]` with pixels of the photo beyond it, those that `pick` says."""
        rows, columns = (pick(edges, self._size, self._pixels) for edges in (self._down, self._across))
        return planes[..., rows, :][..., columns]

    def _spread(self, cells: NDArray[np.float32]) -> Tensor:
        """Return cells `[n, n]` as `[S, S]`; beyond the photo its edges are repeated."""
        repeated = torch.from_numpy(cells[_nearest(self._rows)][:, _nearest(self._columns)])
        return self._enlarged(repeated[None])[0]

    def _textured(self, known: _Flags, hole: _Flags) -> Tensor:
        """Return the colours of known cells, and in a hole their pixels, `[3, S, S]`."""
        smooth = self._smooth(known)
        cells = torch.where(torch.from_numpy(known), self._colours, smooth).permute(1, 2, 0).numpy()
        places = find_places(cells, hole, known, _PATCH)
        texture = self._enlarged(smooth)
        if places is None:
            return texture
        return copy_places(self._source, texture, torch.from_numpy(hole).float(), places)

    def _smooth(self, known: _Flags) -> Tensor:
        """Return the colours of known cells, and elsewhere of those around, `[3, n, n]`."""
        weights = torch.from_numpy(known).float().clamp_min(LEAST)
        return pull_push(self._colours[None], weights[None, None])[0]

    def _enlarged(self, cells: Tensor) -> Tensor:
        """Resize `[C, n, n]` to `[C, S, S]`."""
        return resize(cells[None], self._size, self._size)[0]


def _whole(edges: tuple[float, float], count: int) -> _Flags:
    """Return which of a row of cells lie between two edges: at least the one that is nearest to being so."""
    cells = np.arange(count)
    inside = (cells >= edges[0]) & (cells + 1 <= edges[1])
    if not inside.any():
        inside[np.abs(cells + 0.5 - (max(edges[0], 0) + min(edges[1], count)) / 2).argmin()] = True
    return np.asarray(inside, np.bool_)


def _nearest(inside: _Flags) -> NDArray[np.int64]:
    """Return for every cell of a row the nearest one that is inside."""
    known = np.flatnonzero(inside)
    return np.asarray(known[np.abs(np.arange(len(inside))[:, None] - known).argmin(1)], np.int64)


def _held(edges: tuple[float, float], size: int, pixels: int) -> Tensor:
    """Return for each of a row of pixels the nearest between two edges, given in cells."""
    low, high = (max(edges[0], 0.0) * pixels, min(edges[1] * pixels, float(size)))
    return (torch.arange(size) + 0.5).clamp(low + 0.5, max(high - 0.5, low + 0.5)).floor().long().clamp(0, size - 1)


def _folded(edges: tuple[float, float], size: int, pixels: int) -> Tensor:
    """Return for each of a row of pixels the one that it mirrors at the nearest edge, or itself between them."""
    low, high = (max(edges[0], 0.0) * pixels, min(edges[1] * pixels, float(size)))
    middles = torch.arange(size) + 0.5
    mirrored = torch.where(middles < low, 2 * low - middles, torch.where(middles > high, 2 * high - middles, middles))
    return mirrored.clamp(low, high).floor().long().clamp(0, size - 1)
