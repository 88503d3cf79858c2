"""Upper teeth for a mouth that the source shows shut, drawn from keypoints.

Of teeth that a photo hides, a network that is judged by its mean error paints the mean: a pale blur. But where they are
is known: they hang from the skull, their edge a little below the line of the shut lips, whatever the lips do since. So
they are drawn in the skull's own axes, in steps from between the eyes to the nostrils, and shown where the lips part
over them. What is behind them is drawn, too (see `fomm.nn.tongue`); lower teeth, which lips mostly hide, are not.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.nn.geometry import Keypoints
from fomm.nn.landmarks import TIED_LANDMARKS
from fomm.nn.mouth import Mouth, Opening, marks_of
from fomm.nn.skull import SkullAxes

_BELOW = 0.09  # steps from the line of the shut lips down to the teeth's edge
_ARCH = 0.25  # the edge rises to the sides by this times the squared distance across
_HALF_WIDTH, _FADES = 0.62, 0.1  # steps from the middle to where teeth are lost in the dark, and over which
_SEEN, _SEEING = 0.1, 0.06  # of half the mouth's width: how far open a source's mouth is that shows its own
_GAPS = (0.0, 0.19, 0.34, 0.49)  # steps from the middle to where teeth meet
_GAP_WIDTH, _GAP_SHADOW = 0.022, 0.15
_ROUND, _ROUNDED = 0.03, 0.1  # steps by which a tooth's edge rises to a gap, and over which
_LIP_SHADOW, _SHADED = 0.28, 0.22  # darker under the upper lip, over this part of half the mouth's width
_SIDE_SHADOW = 0.45
_ENAMEL = (1.22, 1.09, 0.99)  # before any shadow; measured on 30 portraits that smile
_DARKEST = 0.42  # light of teeth in the darkest face
_SKIN_BLUE = (1.58, -0.55)  # a cheek's blue over red, from green over red; measured on 50 portraits, light and dark
_GREEN = 0.25  # of a cast of blue, as a power: what is left of it in green
_CAST = (0.5, 1.1)  # least and most of what is found against that: a yellow varnish, a cold lamp

_CHEEKS = [TIED_LANDMARKS.index(landmark) for landmark in (50, 280)]


def teeth_map(here: Opening, source: Keypoints, picture: Tensor) -> Tensor | None:
    """Draw the upper teeth of the mouth that is to be made.

    Args:
        here: the opening of the mouth in the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
        picture: the source, whose cheeks tell the light, `[B, 3, h, w]` in [0, 1].

    Returns:
        A drawing `[B, 4, side, side]`, see `fomm.nn.drawings`, in float32 without gradient, of nothing where the source
        shows the mouth open; None where all do.
    """
    before = marks_of(source)  # [B, 11, 2]
    unseen = hides_teeth(before)
    if not bool(unseen.any()):
        return None
    inside = (here.pixels(torch.minimum(here.below, here.above)) + 0.5).clamp(0, 1) * (here.along.abs() < 1)
    skull, skull_before = SkullAxes.of(here.marks), SkullAxes.of(before)
    across, depth = skull.measure(here.grid)  # [B, h, w] each, in steps
    across = (across / skull.narrowed(skull_before)).abs()
    _, line = skull_before.measure(before[:, 2:8].mean(1)[:, None, None])  # [B, 1, 1], of the shut lips
    to_gap = torch.stack([(across - gap).abs() for gap in _GAPS]).amin(0)
    edge = line + _BELOW - _ARCH * across.square() - _ROUND * (1 - to_gap / _ROUNDED).clamp_min(0).square()
    shown = inside * ((_HALF_WIDTH - across) / _FADES).clamp(0, 1) * unseen[:, None, None]
    cover = shown * ((edge - depth) * skull.step[:, None] / (2 / here.side) + 0.5).clamp(0, 1)
    light = 1 - _SIDE_SHADOW * (across / _HALF_WIDTH).square().clamp_max(1)
    light = light * (1 - _LIP_SHADOW * (1 - here.below / _SHADED).clamp(0, 1))
    light = light * (1 - _GAP_SHADOW * torch.exp(-(to_gap / _GAP_WIDTH).square()))
    colour = light[:, None] * enamel(source, picture)
    return here.drawn(torch.cat((cover[:, None], colour), dim=1))


def hides_teeth(before: Tensor) -> Tensor:
    """Return how far sources hide their own teeth, `[B]` in [0, 1]."""
    return ((_SEEN - Mouth.of(before).opening()) / _SEEING).clamp(0, 1)


def enamel(source: Keypoints, picture: Tensor) -> Tensor:
    """Return the colour of teeth in the source's light, `[B, 3, 1, 1]`."""
    places = source.value.detach().float()[:, None, _CHEEKS]  # [B, 1, 2, 2]
    cheeks = F.grid_sample(picture.float(), places, padding_mode="border", align_corners=False)  # [B, 3, 1, 2]
    mean = cheeks.mean((1, 3))[:, None, None]  # [B, 1, 1, 1]
    red, green, blue = cheeks.mean(3).clamp_min(0.02).unbind(1)  # [B, 1] each
    cast = blue / red / (_SKIN_BLUE[0] * green / red + _SKIN_BLUE[1]).clamp_min(0.2)
    cast = cast.clamp(*_CAST)
    white = torch.stack((torch.ones_like(cast), cast**_GREEN, cast), dim=1)  # [B, 3, 1]
    colour = cheeks.new_tensor(_ENAMEL).view(1, 3, 1, 1) * white[..., None] * (_DARKEST + (1 - _DARKEST) * mean)
    return colour.clamp_max(1)
