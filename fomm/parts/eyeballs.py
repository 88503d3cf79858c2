"""Eyes that look elsewhere than the photo's: irises stay round, and what they leave is white.

A flow that moves an iris between lids that stay squeezes it on one side and draws it out on the other, the more the
further it goes. But an eye is a ball. So on a large change of gaze the flow inside of an iris's rim (see
`fomm.source.iris_fit`) is that of its keypoint alone, and the iris is copied from there; what is between the lids
beside it is drawn in the white of the photo's eyes, in the light that lids leave it; and of an iris, what the photo's
lids hide is drawn in the colours that the rest has at the same distance from its middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.eye_shape import EyeShapes
from fomm.geometry.grids import coordinate_grid, on_axes
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS
from fomm.parts.stage import Frame, Stage
from fomm.source.iris_fit import RADIUS, fit_irises
from fomm.source.mouth import enamel, in_shadow

_BEGIN, _END = 0.1, 0.25  # change of gaze, in half widths of the eye, where it begins to be one ball, and is one
_NARROW, _OPEN = 0.08, 0.2  # opening, likewise, of eyes that show too little for it, and enough
_REACH = 1.0  # half widths around an eye's middle that are worked on
_OUTSIDE = 0.25  # of the radius, over which the flow becomes the lids' again outside of an iris
_LID = 0.08  # half widths inside of either lid over which all this fades
_WHITE, _WHITE_LID = 1.1, 0.05  # radii from an iris, and half widths from a lid, from where on an eye may be white
_GRID, _BRIGHTEST, _LEAST = (-0.9, 0.9, 31), 8, 3  # where white is looked for; and how many places are taken, at least
_RINGS, _RAYS = 8, 24  # around an iris's middle
_DIM = 0.58  # of the light of teeth, which white has at least
# Light on the white of eyes, as measured on portraits whose eyes are wide: so much at the upper lid, and so much more
# per half width below it; so much less at the lower lid and at a corner, and how far from there.
_UPPER_LID, _LOWER_LID, _CORNER = (0.25, 2.0), (0.2, 0.15), (0.35, 0.5)


@dataclass(frozen=True)
class Eyeballs:
    """Both eyes of B faces, in half widths of each eye.

    Attributes:
        eyes: their lids.
        iris: places of their irises, `[B, 2 eyes, 2]`.
        radius: of the irises, `[B, 2 eyes]`.
    """

    eyes: EyeShapes
    iris: Tensor
    radius: Tensor

    @classmethod
    def of(cls, keypoints: Keypoints) -> Eyeballs:
        """Measure the eyes of keypoints `[B, K, 2]`, irises included, without gradient."""
        value = keypoints.value.detach().float()
        eyes = EyeShapes.of(value)
        offset = (value[:, list(REGIONS["irises"])] - eyes.centre) / eyes.half
        return cls(eyes, on_axes(offset, eyes.axes), eyes.half[..., 0].new_full(eyes.half.shape[:2], RADIUS))

    def from_iris(self, x: Tensor, y: Tensor) -> Tensor:
        """Return how far places of the eyes are from the irises' middles, in their radii, `[B, 2 eyes, h, w]`."""
        away = torch.hypot(x - self.iris[..., 0, None, None], y - self.iris[..., 1, None, None])
        return away / self.radius[..., None, None]

    def shown(self) -> Tensor:
        """Return how far eyes are open enough to show a ball, `[B, 2 eyes]` in [0, 1]."""
        return ((self.eyes.opening - _NARROW) / (_OPEN - _NARROW)).clamp(0, 1)


@dataclass(frozen=True)
class Glance:
    """A change of gaze that goes far.

    Attributes:
        now: eyes of the frame to make.
        before: eyes of the source.
        far: how far each eye is one ball, `[B, 2 eyes]` in [0, 1].
    """

    now: Eyeballs
    before: Eyeballs
    far: Tensor

    @classmethod
    def of(cls, driving: Keypoints, source: Keypoints, picture: Tensor) -> Glance | None:
        """Return the change from `B` sources to as many frames to make, or None where no iris goes far.

        Args:
            driving: keypoints of the frames to make.
            source: keypoints of the sources.
            picture: the sources, `[B, 3, h, w]` in [0, 1].
        """
        now, before = Eyeballs.of(driving), Eyeballs.of(source)
        gone = (now.iris - before.iris).square().sum(-1).sqrt()  # [B, 2 eyes]
        far = ((gone - _BEGIN) / (_END - _BEGIN)).clamp(0, 1) * now.shown() * before.shown()
        if not bool(far.any()):
            return None
        iris, radius = fit_irises(before.eyes, before.iris, picture)
        now = replace(now, iris=now.iris + iris - before.iris, radius=radius)
        return cls(now, replace(before, iris=iris, radius=radius), far)

    def hold(self, displacement: Tensor) -> Tensor:
        """Return a backward displacement, `[B, 2, S, S]` in [-1, 1] units, that moves irises as they are."""
        side = displacement.shape[-1]
        rows, columns = self.now.eyes.box(side, _REACH)
        grid = coordinate_grid(side, side, displacement, corners=False)[rows, columns]  # [h, w, 2]
        x, y = self.now.eyes.places(grid)  # [B, 2 eyes, h, w] each
        near = (1 + _OUTSIDE - self.now.from_iris(x, y)) / _OUTSIDE
        weight = self._between_lids(x, y) * near.clamp(0, 1)
        step_x, step_y = (self.before.iris - self.now.iris)[..., None, None].unbind(2)  # [B, 2 eyes, 1, 1] each
        wanted = (self.before.eyes.points(x + step_x, y + step_y) - grid).movedim(-1, 2)  # [B, 2 eyes, 2, h, w]
        moved = displacement.clone()
        for eye in range(weight.shape[1]):
            moved[:, :, rows, columns] = torch.lerp(moved[:, :, rows, columns], wanted[:, eye], weight[:, eye, None])
        return moved

    def draw(self, displacement: Tensor, source: Keypoints, picture: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Draw what of the eyes the source does not show.

        Args:
            displacement: as `hold` returns it.
            source: keypoints of the source, `B` of them.
            picture: the source, `[B, 3, h, w]` in [0, 1].
            side: rows and columns of the drawing.

        Returns:
            A painted layer `[B, 4, side, side]`, see `fomm.parts.stage`, and where irises are that the source shows,
            `[B, 1, side, side]` in [0, 1], in float32 without gradient.
        """
        rows, columns = self.now.eyes.box(side, _REACH)
        grid = coordinate_grid(side, side, self.far, corners=False)[rows, columns].expand(len(self.far), -1, -1, -1)
        shift = F.grid_sample(displacement.detach().float(), grid, padding_mode="border", align_corners=False)
        x, y = self.now.eyes.places(grid[:, None])  # [B, 2 eyes, h, w] each
        was_x, was_y = self.before.eyes.places((grid + shift.permute(0, 2, 3, 1))[:, None])
        pixels = (self.now.radius * self.now.eyes.half[..., 0])[..., None, None] * (side / 2)  # per radius
        away = self.now.from_iris(x, y)
        iris = ((1 - away) * pixels + 0.5).clamp(0, 1)
        hidden = 1 - (self.before.eyes.inside(was_x, was_y) / _LID).clamp(0, 1)
        white, known = self._white(picture)
        white = torch.maximum(white, _DIM * enamel(source, picture)[..., 0]).clamp_max(1)
        between = self._between_lids(x, y)
        cover_white = between * (1 - iris) * known[..., None, None]
        cover_iris = between * iris * hidden
        colour = white[..., None, None] * in_shadow(self._light(x, y)) * cover_white[:, None]  # [B, 3, 2 eyes, h, w]
        if bool(cover_iris.any()):
            colour = colour + self._rings(picture, away) * cover_iris[:, None]
        cover = (cover_white + cover_iris).sum(1, keepdim=True)  # eyes do not overlap
        drawn = self.far.new_zeros(len(cover), 4, side, side)
        drawn[:, :, rows, columns] = torch.cat((cover, colour.sum(2) / cover.clamp_min(1e-6)), dim=1)
        shown = self.far.new_zeros(len(cover), 1, side, side)
        shown[:, :, rows, columns] = (between * iris * (1 - hidden)).sum(1, keepdim=True)
        return drawn, shown

    def _between_lids(self, x: Tensor, y: Tensor) -> Tensor:
        return self.far[..., None, None] * (self.now.eyes.inside(x, y) / _LID).clamp(0, 1)

    def _light(self, x: Tensor, y: Tensor) -> Tensor:
        """Return how much light eyeballs get between the lids, `[B, 2 eyes, h, w]` in [0, 1]."""
        upper, lower = self.now.eyes.lid_lines(x)
        (least, more), (at_lower, near_lower), (at_corner, near_corner) = _UPPER_LID, _LOWER_LID, _CORNER
        light = (least + more * (y - upper)).clamp(least, 1)
        light = light * (1 - at_lower * (1 - (lower - y) / near_lower).clamp(0, 1))
        return light * (1 - at_corner * (1 - (1 - x.abs()) / near_corner).clamp(0, 1))

    def _white(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return the white of the source's eyes, `[B, 3, 1]`, and how far any is seen, `[B, 1]` in [0, 1].

        It is that of the whiter eye, the mean of where it is whitest: most of what is not iris lies in a lid's shadow.
        """
        line = torch.linspace(*_GRID, device=picture.device)
        y, x = (each.expand(len(picture), 2, -1, -1) for each in torch.meshgrid(line, line, indexing="ij"))
        clear = self.before.from_iris(x, y) > _WHITE
        clear &= self.before.eyes.inside(x, y) > _WHITE_LID
        seen = self.before.eyes.seen(picture, x, y).flatten(3)  # [B, 3, 2 eyes, N]
        whiteness = torch.where(clear.flatten(2), seen.amin(1), -1.0)  # skin is less so than it is bright
        best, where = whiteness.topk(_BRIGHTEST, dim=-1)  # [B, 2 eyes, 12]
        found = (best >= 0).sum(-1)  # [B, 2 eyes]
        total = (seen.gather(3, where[:, None].expand(-1, 3, -1, -1)) * (best >= 0)[:, None]).sum(-1)
        white = total / found.clamp_min(1)[:, None]  # [B, 3, 2 eyes]
        whiter = white.amin(1).argmax(-1, keepdim=True)  # [B, 1]
        known = (found.gather(1, whiter) - _LEAST) / (_BRIGHTEST - _LEAST)
        return white.gather(2, whiter[:, None].expand(-1, 3, -1)), known.clamp(0, 1)

    def _rings(self, picture: Tensor, away: Tensor) -> Tensor:
        """Return the colour that the source's irises have as far from their middle, `[B, 3, 2 eyes, h, w]`."""
        radius = self.before.radius[..., None, None] * torch.linspace(0, 1, _RINGS, device=picture.device)[:, None]
        angle = torch.linspace(0, 2 * math.pi, _RAYS + 1, device=picture.device)[:-1]
        iris = self.before.iris[..., None, None, :]
        x, y = iris[..., 0] + radius * angle.cos(), iris[..., 1] + radius * angle.sin()  # [B, 2 eyes, 8, 24] each
        weight = (self.before.eyes.inside(x, y) / _LID).clamp(1e-3, 1)
        rings = (self.before.eyes.seen(picture, x, y) * weight[:, None]).sum(-1) / weight.sum(-1)[:, None]
        place = away.clamp(0, 1) * (_RINGS - 1)
        low = place.long().clamp_max(_RINGS - 2)
        pick = low[:, None].expand(-1, 3, -1, -1, -1).flatten(3)  # [B, 3, 2 eyes, h w]
        inner, outer = (rings.gather(3, pick + more).view(len(rings), 3, *place.shape[1:]) for more in (0, 1))
        return torch.lerp(inner, outer, (place - low)[:, None])


class EyeballStage(Stage):
    """Where irises go far, they go as they are, and what they leave is painted white."""

    name, when = "eyeballs", "inference"

    def apply(self, frame: Frame) -> Frame:
        """Hold the irises' shape and paint the white."""
        moment = frame.moment
        glance = Glance.of(moment.driving, moment.source, moment.picture)
        if glance is None:
            return frame
        displacement = glance.hold(frame.displacement)
        balls, irises = glance.draw(displacement, moment.source, moment.picture, moment.side)
        return frame.moved(displacement).under(balls).told(irises, torch.zeros_like(irises))
