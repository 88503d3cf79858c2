"""Tongue and throat for a mouth that the source shows without, drawn from keypoints.

Behind teeth a network that is judged by its mean error paints the mean of dark throats and bright teeth, which is grey;
a mouth is red. What belongs there is dark at the back, and from the lower lip, which the jaw and so the tongue goes
with, a tongue rises that is the better seen the wider the mouth is open. Its light is that of the teeth.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fomm.geometry.mouth_shape import Opening
from fomm.parts.stage import Frame, Stage
from fomm.source.mouth import SourceMouth

_THROAT, _TONGUE = (0.18, 0.065, 0.07), (0.58, 0.33, 0.36)  # parts of the light of teeth; as in fifteen real clips
_BEGIN, _WIDE = 0.5, 1.4  # of half the mouth's width: openings between which the tongue comes into the light
_HIGH, _HALF_WIDTH = 0.6, 0.82  # of the opening, and of half the mouth's width
_SOFT = 0.16  # of half the mouth's width, over which the tongue ends in the dark
_DIMMEST, _FRONT = 0.35, 0.15  # light at its back and its front, and where in half a turn of light the front is
_GROOVE, _GROOVE_WIDTH = 0.12, 0.09
_LIP = 0.03  # of half the mouth's width, of lower lip that is drawn over: the network's throat reaches so far
_EDGE, _SHADE = 0.08, 0.35  # of half the mouth's width, over which lips shade what is behind them, and how much


def tongue_map(here: Opening, before: SourceMouth, hidden: Tensor) -> Tensor | None:
    """Draw what is behind the teeth of the mouth that is to be made.

    Args:
        here: the opening of the mouth in the frame to make, `B` of them.
        before: the source's mouth.
        hidden: where the inside of an open mouth is that lips hid in the source, `[B, 1, side, side]` in [0, 1].

    Returns:
        A painted layer `[B, 4, side, side]`, see `fomm.parts.stage`, in float32 without gradient; None where all mouths
        are shut, or the source shows all there is.
    """
    missing = torch.maximum(before.uncovered(here), hidden[:, 0, here.place[0], here.place[1]])  # [B, h, w]
    if not bool(missing.any()):
        return None
    edge = torch.minimum(here.below, here.above + _LIP)
    cover = (here.pixels(edge) + 0.5).clamp(0, 1) * (here.along.abs() < 1) * missing
    opening = here.mouth.opening()[:, None, None]
    height = _HIGH * opening * (1 - (here.along / _HALF_WIDTH).square()).clamp_min(0).sqrt()  # [B, h, w]
    tongue = ((height - here.above) / _SOFT + 0.5).clamp(0, 1) * ((opening - _BEGIN) / (_WIDE - _BEGIN)).clamp(0, 1)
    up = (here.above / height.clamp_min(1e-3)).clamp(0, 1)  # 0 at the lip, 1 at the back
    light = _DIMMEST + (1 - _DIMMEST) * torch.sin(math.pi * (_FRONT + (1 - _FRONT) * up))
    light = light * (1 - _GROOVE * torch.exp(-(here.along / _GROOVE_WIDTH).square()))
    throat, flesh = (here.marks.new_tensor(colour).view(1, 3, 1, 1) for colour in (_THROAT, _TONGUE))
    colour = torch.lerp(throat, flesh * light[:, None], tongue[:, None])  # [B, 3, h, w]
    shade = 1 - _SHADE * (1 - edge / _EDGE).clamp(0, 1)
    colour = (colour * shade[:, None] * before.enamel).clamp(0, 1)
    return here.drawn(torch.cat((cover[:, None], colour), dim=1))


class TongueStage(Stage):
    """Tongue and throat are painted where an open mouth shows more than the photo does."""

    name, when = "tongue", "inference"

    def apply(self, frame: Frame) -> Frame:
        """Paint them."""
        moment = frame.moment
        here = moment.opening
        nothing = here.marks.new_zeros(len(here.marks), 1, here.side, here.side)
        hidden = nothing if frame.own is None else frame.own[:, 1:]
        return frame.under(tongue_map(here, moment.mouth, hidden))
