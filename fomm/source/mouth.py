"""What a source's own mouth shows: teeth, or nothing that could be shown again.

Keypoints alone do not tell. On photos of people that no training has seen, lips that are shut are found a pixel or two
apart, as far as those of many a smile. But what lies between them is lip, or a shadow, or it is whiter than the lips
around it, or brighter: teeth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.geometry.mouth_shape import Mouth, Opening, marks_of
from fomm.geometry.skull import SkullAxes

_ALONG, _BETWEEN = (-0.5, 0.5, 11), (0.15, 0.85, 8)  # places that are read: along the mouth, and from lip to lip
_UPPER, _LOWER = 0.13, 0.18  # half widths of the mouth from the inner edges of both lips to their red
_MOST = 9  # of the places between the lips: so many are as white, if there are teeth
_WHITE, _BRIGHT = (0.04, 0.1), (1.1, 1.2)  # by how much whiter, and how many times as bright as the lips; from, to
_WIDE = (0.3, 0.45)  # of half the mouth's width: open mouths that show what there is, whatever colour it has
_FURTHER = 0.12  # likewise, by how much further it opens until what the source hides is seen

_ENAMEL = (1.12, 1.0, 0.9)  # before any shadow; measured on portraits that smile, and a tenth darker real clips
_DARKEST = 0.42  # light of teeth in the darkest face
_SKIN_BLUE = (1.58, -0.55)  # a cheek's blue over red, from green over red; measured on 50 portraits, light and dark
_GREEN = 0.25  # of a cast of blue, as a power: what is left of it in green
_CAST = (0.5, 1.1)  # least and most of what is found against that: a yellow varnish, a cold lamp
_REDDER = (0.7, 1.12, 1.22)  # powers of light past lips and lids; measured on teeth of 33 and eyes of 170 portraits
_CHEEKS = [TIED_LANDMARKS.index(landmark) for landmark in (50, 280)]


@dataclass(frozen=True)
class SourceMouth:
    """The mouths of B sources.

    Attributes:
        source: keypoints.
        picture: the sources, `[B, 3, h, w]` in [0, 1].
        marks: the keypoints at `fomm.geometry.mouth_shape.LANDMARKS`, `[B, 11, 2]`.
        mouth: their own axes and lips.
        teeth: how far teeth are seen between the lips, `[B]` in [0, 1].
    """

    source: Keypoints
    picture: Tensor
    marks: Tensor
    mouth: Mouth
    teeth: Tensor

    @classmethod
    def of(cls, source: Keypoints, picture: Tensor) -> SourceMouth:
        """Look at the mouths of pictures `[B, 3, h, w]` in [0, 1], without gradient."""
        marks = marks_of(source)
        mouth = Mouth.of(marks)
        return cls(source, picture, marks, mouth, _teeth(picture.detach().float(), mouth))

    @property
    def hides(self) -> Tensor:
        """How far they hide what is between the lips when these part, `[B]` in [0, 1]."""
        low, high = _WIDE
        return (1 - self.teeth) * ((high - self.mouth.opening()) / (high - low)).clamp(0, 1)

    def uncovered(self, here: Opening) -> Tensor:
        """Return where lips that hide something are further apart than in the source, `[B, h, w]` in [0, 1]."""
        further = here.below + here.above - self.mouth.opening()[:, None, None]
        return self.hides[:, None, None] * (further / _FURTHER).clamp(0, 1)

    @cached_property
    def skull(self) -> SkullAxes:
        """The axes of the skulls."""
        return SkullAxes.of(self.marks)

    @cached_property
    def enamel(self) -> Tensor:
        """The colour of teeth in the source's light, `[B, 3, 1, 1]`."""
        return enamel(self.source, self.picture)


def enamel(source: Keypoints, picture: Tensor) -> Tensor:
    """Return the colour of teeth in the light of pictures `[B, 3, h, w]`, `[B, 3, 1, 1]`."""
    places = source.value.detach().float()[:, None, _CHEEKS]  # [B, 1, 2, 2]
    cheeks = F.grid_sample(picture.float(), places, padding_mode="border", align_corners=False)  # [B, 3, 1, 2]
    mean = cheeks.mean((1, 3))[:, None, None]  # [B, 1, 1, 1]
    red, green, blue = cheeks.mean(3).clamp_min(0.02).unbind(1)  # [B, 1] each
    cast = blue / red / (_SKIN_BLUE[0] * green / red + _SKIN_BLUE[1]).clamp_min(0.2)
    cast = cast.clamp(*_CAST)
    white = torch.stack((torch.ones_like(cast), cast**_GREEN, cast), dim=1)  # [B, 3, 1]
    colour = cheeks.new_tensor(_ENAMEL).view(1, 3, 1, 1) * white[..., None] * (_DARKEST + (1 - _DARKEST) * mean)
    return colour.clamp_max(1)


def _teeth(picture: Tensor, mouth: Mouth) -> Tensor:
    """Return how far teeth are seen in pictures `[B, 3, h, w]`, `[B]` in [0, 1]."""
    along = torch.linspace(*_ALONG, device=picture.device).expand(len(picture), 1, -1)  # [B, 1, X]
    upper, lower = mouth.lips(along).unbind(1)  # [B, 1, X] each
    share = torch.linspace(*_BETWEEN, device=picture.device)[:, None]
    down = torch.cat((torch.lerp(upper, lower, share), upper - _UPPER, lower + _LOWER), dim=1)  # [B, Y + 2, X]
    places = mouth.points(along.expand_as(down), down)
    seen = F.grid_sample(picture, places, padding_mode="border", align_corners=False)  # [B, 3, Y + 2, X]
    light, white = seen.mean(1), seen[:, 1:].amin(1) / seen[:, 0].clamp_min(0.05)
    brighter = _inside(light) / _lips(light).clamp_min(0.02)  # [B, Y X]
    whiter = (_inside(white) - _lips(white)) * brighter.clamp_max(1)
    told = [
        (places.topk(_MOST, dim=1).values[:, -1] - low) / (high - low)
        for places, (low, high) in ((whiter, _WHITE), (brighter, _BRIGHT))
    ]
    return torch.maximum(*told).clamp(0, 1)


def _inside(read: Tensor) -> Tensor:
    """Return what was read between the lips, of `[B, Y + 2, X]`."""
    return read[:, :-2].flatten(1)


def _lips(read: Tensor) -> Tensor:
    """Return the median of what was read on the lips, `[B, 1]`."""
    return read[:, -2:].flatten(1).median(1, keepdim=True).values


def in_shadow(light: Tensor) -> Tensor:
    """Return how much of their colour places keep that get so much of the light: `[B, ...]` to `[B, 3, ...]`.

    Past lips and lids less of it comes straight, and more through flesh or from it: shadows there are red, and alike.
    """
    powers = light.new_tensor(_REDDER).view(3, *(1 for _ in light.shape[1:]))
    return light[:, None] ** powers
