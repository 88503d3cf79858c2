"""Colours for what the source hides: behind a person the inpainted background, elsewhere those around that move alike.

A head that moves away uncovers wall the source never shows. Pull-push interpolation (Gortler et al., "The Lumigraph",
1996, section 3.4) continues known colours into such holes: weighted averages are pulled up a pyramid, and pushed back
down into whatever has little weight of its own.

With a matte of the source, what is behind the person is made up once, see `fomm.source.background`. What a person hides
of themselves, such as a cheek or the neck, is continued frame by frame, for what hardly moves and for what does, so
that a neck is continued by the neck and a cheek by the cheek. Which of both a hole is, the motion says if it has an
edge (`Motion.front`); else it is of the person if nearly all around it is. Without a matte all holes are continued, the
wall by what hardly moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.grids import resize
from fomm.geometry.motion import Motion
from fomm.geometry.pull_push import LEAST, pull_push

_SLOW = 0.03  # displacement in [-1, 1] units at which half of a cell counts as moving
"""Weight of what is hidden, so that a picture without anything visible has colours, too."""
_AMID = 0.9  # share of the person around a hole, above which the hole is in the person
_UNSURE = 0.1  # how far from that share both fills are mixed


@dataclass(frozen=True)
class Filled:
    """The moved source with what it hides made up.

    Attributes:
        image: float32 `[B, 3, H, W]`.
        behind: share of the inpainted background in it, `[B, 1, H, W]` in [0, 1], or None without one.
        person: share of the moved source in it where the person is a layer, likewise; else None.
        resting: share of the source as it rests behind that layer, likewise.
    """

    image: Tensor
    behind: Tensor | None
    person: Tensor | None = None
    resting: Tensor | None = None


def fill_hidden(warped: Tensor, motion: Motion, behind: Tensor | None = None) -> Filled:
    """Return the moved source with smooth colours where it hides what belongs there.

    Args:
        warped: the source's pixels moved by the flow, `[B, 3, H, W]`; H and W are multiples of the field's sides.
        motion: how they were moved; `shown` says where they are right.
        behind: the inpainted background moved likewise, `[B, 3, H, W]`, if `motion.person` says where the person is.

    Raises:
        ValueError: the motion does not say what is shown, or there is an inpainted background, but no matte.
    """
    if motion.shown is None:
        raise ValueError("Only a motion that says what the source shows can be filled; set model.hidden_margin.")
    shown = motion.shown.float()
    person = motion.person
    if behind is not None and person is None:
        raise ValueError("A inpainted background can be used only where the motion says what is of the person.")
    fill = _enlarged(_continued(warped, motion, shown if behind is None or person is None else shown * person), warped)
    share, all_shown = None, _enlarged(shown, warped)
    if behind is not None and person is not None:
        if motion.front is None:
            around = pull_push(person, shown.clamp_min(LEAST))  # [B, 1, h, w]
            amid = ((around - _AMID) / (2 * _UNSURE) + 0.5).clamp(0, 1)
        else:
            amid = motion.front.detach().float()  # [B, 1, S, S]
        of_person = _enlarged(amid, warped)
        fill = torch.lerp(behind.float(), fill, of_person)
        share = (1 - of_person) * (1 - all_shown)
    return Filled(torch.lerp(fill, warped.float(), all_shown), share)


def fill_layers(warped: Tensor, motion: Motion, source: Tensor, inpainted: Tensor) -> Filled:
    """Return the person's layer before the background's, each with what the source hides of it made up.

    Args:
        warped: the source's pixels moved by the person's displacement, `[B, 3, H, W]`.
        motion: its layer says where the person and the wall are shown.
        source: as it rests, `[B, 3, H, W]`.
        inpainted: the inpainted background, `[B, 3, H, W]`.

    Raises:
        ValueError: the motion has no layers.
    """
    layer, read = motion.layer, motion.person
    if layer is None or layer.shown is None or layer.wall is None or read is None:
        raise ValueError("Only a motion with the person as a layer of their own can be filled in layers.")
    shown, wall = _enlarged(layer.shown, warped), _enlarged(layer.wall, warped)
    fill = _enlarged(_continued(warped, motion, layer.shown * read), warped)
    person = torch.lerp(fill, warped.float(), shown)
    background = torch.lerp(inpainted.float(), source.float(), wall)
    alpha, rest = layer.alpha, 1 - layer.alpha
    return Filled(torch.lerp(background, person, alpha), rest * (1 - wall), alpha * shown, rest * wall)


def _continued(warped: Tensor, motion: Motion, known: Tensor) -> Tensor:
    """Return colours of a person's known cells `[B, 1, h, w]` continued over all, `[B, 3, h, w]`.

    What hardly moves is continued by what hardly moves, such as a neck, and a cheek that moves by a cheek.
    """
    height, width = known.shape[2:]
    colours = F.adaptive_avg_pool2d(warped.float(), (height, width))  # [B, 3, h, w]
    displacement = motion.displacement().detach().permute(0, 3, 1, 2)
    step = F.adaptive_avg_pool2d(displacement, (height, width)).square().sum(1, keepdim=True)  # [B, 1, h, w]
    moving = step.square() / (step.square() + _SLOW**4)
    weights = torch.cat((known * (1 - moving), known * moving)).clamp_min(LEAST)  # [2 B, 1, h, w]
    still, moved = pull_push(colours.repeat(2, 1, 1, 1), weights).chunk(2)
    return torch.lerp(still, moved, moving)


def _enlarged(planes: Tensor, like: Tensor) -> Tensor:
    """Resize `[B, C, h, w]` to the sides of `like`."""
    return resize(planes, like.shape[2], like.shape[3])
