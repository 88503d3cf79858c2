"""The photo's own teeth: they hang from the skull, and lips that part further only uncover more of them.

A flow that is smooth from lip to lip stretches the teeth of a smile like the lips. So inside the mouth the source is
read where the same place of the skull was, in steps from between the eyes to the nostrils: what lay between the lips
there is shown as it is, and what lips hid is not to be copied. Left to the network are mouths that the photo shows wide
open, with tongue and lower teeth, shut ones (see `fomm.parts.teeth` for those), and those that close.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.mouth_shape import Mouth, Opening, box
from fomm.geometry.skull import SkullAxes
from fomm.parts.stage import Frame, Stage
from fomm.source.mouth import SourceMouth

_PARTED = (0.04, 0.1)  # of half the mouth's width: from where to where lips part that show teeth
_WIDE = (0.5, 0.8)  # and from where to where they show more than teeth
_FURTHER = 0.3  # of the source's opening: by how much more a mouth is open whose teeth are held altogether
_TURNED = (0.65, 0.85)  # of the source's width, to which a turn has narrowed the face: teeth are round, not flat
_RIM = 0.15  # likewise, from the lips to where what they hid is not copied at all
_BESIDE = 1.5  # cells of the flow around what is seen again, which are read for it when the flow is enlarged


@dataclass(frozen=True)
class OwnTeeth:
    """What of the source's open mouth is seen again in the frame to make.

    Attributes:
        displacement: backward, with the inside of the mouth moved as the skull moves, `[B, 2, h, w]`.
        shown: where the source shows what belongs there, `[B, 1, H, W]` in [0, 1].
        hidden: where the inside of the mouth is and lips hid it, likewise.
    """

    displacement: Tensor
    shown: Tensor
    hidden: Tensor


def hold_teeth(displacement: Tensor, here: Opening, source: SourceMouth) -> OwnTeeth:
    """Hold the source's teeth to the skull.

    Args:
        displacement: backward, `[B, 2, h, w]` in [-1, 1] units.
        here: the opening of the mouth in the frame to make, `B` of them.
        source: the mouths of the sources.
    """
    mouth, mouth_before, skull, skull_before = here.mouth, source.mouth, here.skull, source.skull
    parted = source.teeth * _parted(mouth_before) * _opened(mouth, skull, mouth_before, skull_before)
    parted = parted[:, None, None]  # [B, 1, 1]
    if not bool(parted.any()):
        nothing = here.marks.new_zeros(len(here.marks), 1, here.side, here.side)
        return OwnTeeth(displacement, nothing, nothing)
    cells = displacement.shape[-1]
    rows, columns = box(here.marks, cells)
    grid = coordinate_grid(cells, cells, displacement, corners=False)[rows, columns]  # [h, w, 2]
    was = _where(skull, skull_before, grid)
    inside = parted * _within(mouth, grid, 2 / cells) * _within(mouth_before, was, 2 / cells, _BESIDE)
    moved = displacement.clone()
    held = torch.lerp(moved[:, :, rows, columns].permute(0, 2, 3, 1), was - grid, inside[..., None])
    moved[:, :, rows, columns] = held.permute(0, 3, 1, 2)
    lips = torch.minimum(here.below, here.above)
    inside = parted * (here.pixels(lips) + 0.5).clamp(0, 1) * (here.along.abs() < 1)
    shown = inside * _within(mouth_before, _where(skull, skull_before, here.grid), 2 / here.side)
    deep = (lips / _RIM).clamp(0, 1)  # the lips' own rim is the network's
    told = here.drawn(torch.stack((shown, (inside - shown) * deep), dim=1))
    return OwnTeeth(moved, told[:, :1], told[:, 1:])


def _parted(before: Mouth) -> Tensor:
    """Return how far a source's mouth is one that shows teeth and no more, `[B]` in [0, 1]."""
    opening = before.opening()
    from_shut, to_wide = ((opening - low) / (high - low) for low, high in (_PARTED, _WIDE))
    return torch.minimum(from_shut.clamp(0, 1), 1 - to_wide.clamp(0, 1))


def _opened(mouth: Mouth, skull: SkullAxes, before: Mouth, skull_before: SkullAxes) -> Tensor:
    """Return how far mouths are further open than in the source, on a face that is not turned far, `[B]` in [0, 1]."""
    now, then = (  # in steps: a mouth that widens is not a mouth that shuts
        each.opening() * each.half[:, 0] / axes.step[:, 0] for each, axes in ((mouth, skull), (before, skull_before))
    )
    further = ((now / then.clamp_min(1e-3) - 1) / _FURTHER).clamp(0, 1)
    low, high = _TURNED
    return further * ((skull.narrowed(skull_before)[:, 0, 0] - low) / (high - low)).clamp(0, 1)


def _within(mouth: Mouth, places: Tensor, pixel: float, beside: float = 0.0) -> Tensor:
    """Return how far places `[h, w, 2]` or `[B, h, w, 2]` are between the lips, `[B, h, w]` in [0, 1].

    Args:
        mouth: whose lips.
        places: in [-1, 1].
        pixel: what the edge is wide.
        beside: how many of these beside the lips count as between them.
    """
    below, above, along = mouth.around(places)
    edge = torch.minimum(below, above) * mouth.half[..., None] / pixel
    return (edge + 0.5 + beside).clamp(0, 1) * (along.abs() < 1)


def _where(skull: SkullAxes, before: SkullAxes, places: Tensor) -> Tensor:
    """Return where in the source the same places of the skull were, `[B, h, w, 2]`."""
    across, depth = skull.measure(places)
    return before.point(across / skull.narrowed(before), depth)


class OwnTeethStage(Stage):
    """The photo's own teeth hang from the skull, whatever lips do."""

    name, when = "own-teeth", "inference"

    def apply(self, frame: Frame) -> Frame:
        """Hold the teeth."""
        held = hold_teeth(frame.displacement, frame.moment.opening, frame.moment.mouth)
        return frame.moved(held.displacement).told(held.shown, held.hidden)
