"""The half of a face that a photo shows from the side only, and what its mirror image knows of it.

A photo of a head that looks aside has few pixels for the far cheek and eye. Turned to the front, they are drawn out to
several times their width, and what was hidden is not there at all. But faces are nearly symmetric: the mirrored photo
shows that half as the photo shows the near one. It is moved by the same frame's keypoints, and is taken where it is the
better witness (mirroring for what is hidden, as in Hassner et al., "Effective face frontalization in unconstrained
images", 2015).

Which witness is better is told by a head as a cylinder. A place at azimuth `p` on it, 0 in the face's middle and
positive on the far half, of a head that looks aside by `t`, is seen as `cos(p + t)` of its width. So the photo, at
`t0`, is drawn out `cos(p + t) / cos(p + t0)` times there, and its mirror image `cos(p + t) / cos(p - t0)` times.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fomm.geometry.anatomy import Anatomy
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.head import Head
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS

_CHIN, _JAWS = TIED_LANDMARKS.index(152), (TIED_LANDMARKS.index(172), TIED_LANDMARKS.index(397))

# All lengths in face sizes, of `MEAN_FACE`.
_AXIS, _RADIUS = -0.85, 1.3  # of the head's cylinder: how far behind the face's centre, and how wide
_REACH, _CROWN = 1.45, (-0.4, 2.3)  # half the width of a head with its hair; from where it rounds, and how far it goes
_WIDER = 0.3  # with ear and hair of the mirror image, once the photo's own are drawn out and the head hides none
_CHEEK, _TAPER = 0.1, 0.38  # from where on heads get narrower downwards, and how much
_RIM, _UNDER = (0.95, 0.16), 0.25  # soft edges, of the reach and below the jaw
_REGION = 0.5  # around a keypoint whose surroundings it moves with

_ASIDE = (math.radians(14), math.radians(24))  # photos that look less far aside know both halves
_FAR = math.radians(35)  # azimuth that stands for all beyond
_DRAWN = (1.3, 1.8)  # times its width, from where and from where on fully a photo needs help
_BETTER = (1.15, 1.5)  # times less drawn out, likewise
_EAR_HIDDEN = (math.radians(10), math.radians(25))  # heads that look so far aside hide their far ear
_TOO_FAR = (math.radians(60), math.radians(75))  # turns of the mirrored head that training never showed
_GRAZING = 0.05  # least part of its width that counts as seen of a surface
_MIDWAY = 0.5  # hair: between what the mirrored face alone says and the frame's keypoints


class FarHalf:
    """What a mirrored photo adds to frames of one portrait.

    Args:
        source: the photo's keypoints, `[1, K, 2]`.
        mirrored: keypoints of the mirrored photo.
        anatomy: what they are tied to.
    """

    def __init__(self, source: Keypoints, mirrored: Keypoints, anatomy: Anatomy) -> None:
        self._anatomy, self._mirrored = anatomy, mirrored
        head = Head.of(source.value, anatomy)
        self._side = 1.0 if float(_yaw(head)) > 0 else -1.0
        self._aside = self._turned(head)  # [1]
        face, value = anatomy.face, mirrored.value
        places = torch.cat((value[0], torch.ones_like(value[0, :, :1])), dim=-1)  # [K, 3]
        near = (value[0, :, None] - value[0, None, :face]).square().sum(-1)  # [K, F]
        weights = torch.exp(-near / (2 * (_REGION * head.size.flatten()) ** 2)) + 1e-3
        weights[face:] = 1.0
        inputs = places[:face].mT * weights[:, None]  # [K, 3, F]
        normal = inputs @ places[:face] + 1e-6 * torch.eye(3, device=value.device)  # [K, 3, 3]
        self._fit = torch.linalg.solve(normal, inputs)  # [K, 3, F]: makes maps of where the face goes

    @staticmethod
    def helps(source: Keypoints, anatomy: Anatomy) -> bool:
        """Return whether the head in a photo with keypoints `[1, K, 2]` looks so far aside that its mirror knows more.

        A model of few tied keypoints, without chin and jaw, never says so.
        """
        known = anatomy.face > max(_CHIN, *_JAWS)
        return known and float(_yaw(Head.of(source.value, anatomy)).abs()) > _ASIDE[0]

    def wanted(self, driving: Tensor) -> bool:
        """Return whether any frame with keypoints `[B, K, 2]` shows more of the far half than the photo does."""
        turned = self._turned(Head.of(driving, self._anatomy))  # [B]
        return bool((self._help(turned.new_full((1,), _FAR), turned) > 0).any())

    def follow(self, driving: Keypoints) -> Keypoints:
        """Return keypoints that move the mirrored person into the frame: the face as told, the rest along with it."""
        face, body = self._anatomy.face, list(self._anatomy.body)
        maps = torch.einsum("kif,bfc->bkci", self._fit, driving.value[:, :face])  # [B, K, 2, 3]
        start = self._mirrored.value[..., None]  # [1, K, 2, 1]
        alone = (maps[..., :2] @ start)[..., 0] + maps[..., 2]
        value = torch.lerp(alone, driving.value, _MIDWAY)
        value[:, :face] = driving.value[:, :face]
        value[:, body] = alone[:, body]
        jacobian = None if self._mirrored.jacobian is None else maps[..., :2] @ self._mirrored.jacobian
        return Keypoints(value, jacobian)

    def region(self, driving: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Return where the head is in frames with keypoints `[B, K, 2]`, and where its mirror image is to be taken.

        Args:
            driving: keypoints of the frames.
            side: of the maps, in pixels.

        Returns:
            Two maps `[B, 1, side, side]` in [0, 1], the second nowhere above the first.
        """
        head = Head.of(driving, self._anatomy)
        centre, right, down = _axes(head)  # [B, 1, 2] each
        grid = coordinate_grid(side, side, driving, corners=False).reshape(1, -1, 2)  # [1, S S, 2]
        size = head.size.clamp_min(1e-4)
        rest = (grid - centre) / size
        across = (rest * right).sum(-1) * self._side  # [B, S S], positive on the far half
        below = (rest * down).sum(-1)
        turned = self._turned(head)[:, None]  # [B, 1]
        azimuth = torch.asin((across / _RADIUS).clamp(-0.995, 0.995)) - turned
        chin, jaw = (((driving[:, [k]] - centre) / size * down).sum(-1) for k in (_CHIN, self._jaw))  # [B, 1]
        edge = jaw + (chin - jaw) * azimuth.clamp(-math.pi / 2, math.pi / 2).cos().clamp_min(0) ** 0.7
        wider = 1 - _rise(turned, *_EAR_HIDDEN)
        reach = _REACH + _WIDER * wider * self._help(turned.new_full((1, 1), _FAR), turned)  # [B, 1]
        width = (reach - _TAPER * (below - _CHEEK).clamp_min(0) ** 1.2).clamp_min(0.3)
        way = torch.hypot(across / width, (below - _CROWN[0]).clamp_max(0) / _CROWN[1])
        inside = (1 - _rise(below - edge, 0, _UNDER)) * (1 - _rise(way, _RIM[0], _RIM[0] + _RIM[1]))
        taken = inside * self._help(azimuth.clamp(-1.2, _FAR), turned)
        return inside.view(-1, 1, side, side), taken.view(-1, 1, side, side)

    @property
    def _jaw(self) -> int:
        return _JAWS[0] if self._side < 0 else _JAWS[1]

    def _turned(self, head: Head) -> Tensor:
        """Return how far heads look to the side where the photo's does, `[B]` in radians."""
        return _yaw(head) * self._side

    def _help(self, azimuth: Tensor, turned: Tensor) -> Tensor:
        """Return how much of the mirror image to take at azimuths of heads that look aside by `turned`, in [0, 1]."""
        now, photo, mirror = (_seen(azimuth + angle) for angle in (turned, self._aside, -self._aside))
        need = _rise(now / photo, *_DRAWN)
        better = _rise(mirror / photo, *_BETTER) * (1 - _rise(self._aside + turned, *_TOO_FAR))
        return need * better * _rise(self._aside, *_ASIDE)


def _axes(head: Head) -> tuple[Tensor, Tensor, Tensor]:
    """Return where heads' cylinders are in the picture, and its directions across and along them, `[B, 1, 2]` each."""
    face = head.value[:, : head.anatomy.face].mean(1, keepdim=True)
    down = head.axes[:, None, :2, 1]
    down = down / down.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    right = torch.stack((down[..., 1], -down[..., 0]), dim=-1)
    return face + head.size * _AXIS * head.axes[:, None, :2, 2], right, down


def _yaw(head: Head) -> Tensor:
    """Return how far heads look to the right of the picture, across their own axes, `[B]` in radians."""
    _, right, _ = _axes(head)
    return torch.atan2((head.axes[:, :2, 2] * right[:, 0]).sum(-1), head.axes[:, 2, 2])


def _seen(angle: Tensor) -> Tensor:
    """Return which part of its width is seen of a surface that faces the viewer at an angle in radians."""
    return angle.clamp(-math.pi / 2, math.pi / 2).cos().clamp_min(_GRAZING)


def _rise(x: Tensor, low: float, high: float) -> Tensor:
    """Return 0 below `low`, 1 above `high` and a smooth step between."""
    part = ((x - low) / (high - low)).clamp(0, 1)
    return part.square() * (3 - 2 * part)
