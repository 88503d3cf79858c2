"""Teeth for a mouth that the source shows without, drawn from keypoints.

Of teeth that a photo hides, a network that is judged by its mean error paints the mean: a pale blur. But where they are
is known. Upper ones hang from the skull, their edge a little below the line of the shut lips, whatever the lips do
since; lower ones stand behind them and go down with the jaw, which the chin marks: a grin parts the lips and not the
teeth. So both are drawn in the skull's own axes, in steps from between the eyes to the nostrils, and shown where the
lips part over them. What is behind them is drawn, too (see `fomm.parts.tongue`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.geometry.mouth_shape import Opening
from fomm.parts.stage import Frame, Stage
from fomm.source.mouth import SourceMouth, in_shadow

_BELOW = 0.09  # steps from the line of the shut lips down to the upper teeth's edge
_BITE = 0.03  # steps by which they cover the lower ones where the jaw is shut
_LOW = 0.24  # steps from the lower teeth's edge to where gums begin
_SEEN = (0.16, 0.06)  # steps of them that the lower lip uncovers at most, whatever the chin says: in a grin, and where
_GRIN, _OPEN = 0.15, 0.3  # it has gone down so many steps, as it does with the jaw
_ARCH = 0.25  # edges rise to the sides by this times the squared distance across
_HALF_WIDTH, _FADES = 0.62, 0.1  # steps from the middle to where teeth are lost in the dark, and over which
_GAPS, _LOWER_GAPS = (0.0, 0.19, 0.34, 0.49), (0.0, 0.12, 0.25, 0.38, 0.5)  # steps from the middle to where teeth meet
_GAP_WIDTH, _GAP_SHADOW = 0.022, 0.15
_ROUND, _ROUNDED = 0.02, 0.07  # steps by which a tooth's edge rises to a gap, and over which
_OVER = 0.03  # of half the mouth's width, of lip that is drawn over: the network's dark reaches so far
_LIP_SHADOW, _LOWER_SHADOW = 0.32, 0.12  # darker next to the upper and the lower lip, and over which
_SHADED = 0.14  # part of half the mouth's width
_SIDE_SHADOW = 0.45
_CORNER, _CORNER_SHADOW = 0.3, 0.4  # of half the mouth's width, from a corner on, and how much darker it is there
_BEHIND = 0.8  # light of lower teeth
_UNDER, _UNDER_SHADOW = 0.12, 0.3  # steps below the upper teeth's edge over which they shade the lower ones
_BETWEEN, _NARROW = 0.35, 0.12  # light of what is seen between rows that hardly part, and how far apart they are then
_SLIT, _LIT = 0.3, 0.2  # light behind lips that have just parted, and how far apart they are where it is whole
_PURSED, _PLAIN = 0.72, 0.88  # of the source's width: lips that are pursed have teeth behind them in the dark

_CHIN = TIED_LANDMARKS.index(152)
_LOWER_LIP = 6  # its middle among `fomm.geometry.mouth_shape.LANDMARKS`


@dataclass(frozen=True)
class _Rows:
    """Where pixels of the mouths lie as teeth see them.

    Attributes:
        across: from the middle to either side, in steps of the source's, `[B, h, w]`.
        depth: below the upper teeth's edge amid the mouth, in steps, `[B, h, w]`.
        dropped: how far the jaw has gone down since, in steps, `[B, 1, 1]`.
        wide: how far lips are not pursed, `[B, 1, 1]` in [0, 1].
        pixel: length of a pixel in steps, `[B, 1, 1]`.
    """

    across: Tensor
    depth: Tensor
    dropped: Tensor
    wide: Tensor
    pixel: Tensor

    @classmethod
    def of(cls, here: Opening, driving: Keypoints, before: SourceMouth) -> _Rows:
        skull, skull_before = here.skull, before.skull
        across, depth = skull.measure(here.grid)  # [B, h, w] each, in steps
        _, line = skull_before.measure(before.marks[:, 2:8].mean(1)[:, None, None])  # [B, 1, 1], of the shut lips
        _, chin = skull.measure(_chin(driving))
        _, chin_before = skull_before.measure(_chin(before.source))
        _, lip = skull.measure(here.marks[:, None, _LOWER_LIP : _LOWER_LIP + 1])
        most, least = _SEEN
        seen = most - (most - least) * ((lip - line - _GRIN) / (_OPEN - _GRIN)).clamp(0, 1)
        dropped = torch.maximum(chin - chin_before, lip - line - _BELOW + _BITE - seen)
        narrowed = skull.narrowed(skull_before)  # [B, 1, 1]
        wide, was = here.mouth.half / skull.step, before.mouth.half / skull_before.step  # [B, 1] each
        wide = (wide / was)[..., None] / narrowed.clamp_max(1)
        return cls(
            (across / narrowed).abs(),
            depth - line - _BELOW,
            dropped.clamp_min(0),
            ((wide - _PURSED) / (_PLAIN - _PURSED)).clamp(0, 1),
            2 / here.side / skull.step[:, None],
        )

    def edge(self, gaps: tuple[float, ...]) -> tuple[Tensor, Tensor]:
        """Return how far an edge rises, in steps, and how much of the light teeth have that meet at gaps."""
        to_gap = torch.stack([(self.across - gap).abs() for gap in gaps]).amin(0)
        rises = _ARCH * self.across.square() + _ROUND * (1 - to_gap / _ROUNDED).clamp_min(0).square()
        return rises, 1 - _GAP_SHADOW * torch.exp(-(to_gap / _GAP_WIDTH).square())

    def covers(self, way: Tensor) -> Tensor:
        """Return how far pixels are covered that lie so many steps inside of an edge, `[B, h, w]` in [0, 1]."""
        return (way / self.pixel + 0.5).clamp(0, 1)


def teeth_map(here: Opening, driving: Keypoints, before: SourceMouth) -> Tensor | None:
    """Draw the teeth of the mouth that is to be made.

    Args:
        here: the opening of the mouth in the frame to make, `B` of them.
        driving: keypoints of that frame.
        before: the source's mouth.

    Returns:
        A painted layer `[B, 4, side, side]`, see `fomm.parts.stage`, in float32 without gradient, of nothing where the
        source shows teeth or the mouth opens no further than there; None where that is so everywhere.
    """
    unseen = before.uncovered(here)  # [B, h, w]
    if not bool(unseen.any()):
        return None
    rows = _Rows.of(here, driving, before)
    lit = ((here.below + here.above) / _LIT).clamp(0, 1)  # [B, h, w]
    inside = (here.pixels(torch.minimum(here.below, here.above) + _OVER * lit) + 0.5).clamp(0, 1)
    inside = inside * (here.along.abs() < 1)
    shown = inside * ((_HALF_WIDTH - rows.across) / _FADES).clamp(0, 1) * unseen * rows.wide
    cover, light = _both_rows(rows, here)
    light = light * (_SLIT + (1 - _SLIT) * lit)
    light = light * (1 - _SIDE_SHADOW * (rows.across / _HALF_WIDTH).square().clamp_max(1))
    light = light * (1 - _CORNER_SHADOW * (1 - (1 - here.along.abs()) / _CORNER).clamp(0, 1))
    colour = in_shadow(light) * before.enamel
    return here.drawn(torch.cat(((shown * cover)[:, None], colour), dim=1))


def _both_rows(rows: _Rows, here: Opening) -> tuple[Tensor, Tensor]:
    """Return what teeth cover where lips hide nothing, and their light amid a mouth, `[B, h, w]` each in [0, 1]."""
    rises, upper_light = rows.edge(_GAPS)
    over = -rows.depth - rises  # steps inside of the upper teeth
    upper = rows.covers(over)
    upper_light = upper_light * (1 - _LIP_SHADOW * (1 - here.below / _SHADED).clamp(0, 1))

    rises, lower_light = rows.edge(_LOWER_GAPS)
    below = rows.depth + _BITE + rises - rows.dropped  # steps inside of the lower ones
    above_gums = rows.covers(_LOW - below)
    lower = rows.covers(below) * above_gums
    lower_light = _BEHIND * lower_light * (1 - _LOWER_SHADOW * (1 - here.above / _SHADED).clamp(0, 1))
    lower_light = lower_light * (1 - _UNDER_SHADOW * (1 + over / _UNDER).clamp(0, 1))

    apart = (-over - below).clamp_min(0)  # steps between both rows, at each place along them
    between = (1 - apart / _NARROW).clamp(0, 1) * above_gums
    light = torch.lerp(lower_light.new_tensor(_BETWEEN), lower_light, lower)
    return torch.maximum(upper, torch.maximum(lower, between)), torch.lerp(light, upper_light, upper)


def _chin(keypoints: Keypoints) -> Tensor:
    return keypoints.value.detach().float()[:, None, None, _CHIN]  # [B, 1, 1, 2]


class TeethStage(Stage):
    """Teeth are painted into a mouth that the photo shows without."""

    name, when = "teeth", "inference"

    def apply(self, frame: Frame) -> Frame:
        """Paint them."""
        moment = frame.moment
        return frame.under(teeth_map(moment.opening, moment.driving, moment.mouth))
