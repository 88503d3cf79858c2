"""What keypoints mean in a model whose training tied them to a face, and head motion told apart from expression.

The skull is nearly rigid and seen from afar, so where its points are in the picture is an affine map of where they were
and of how deep they lie, about the same on every face. Fitting that map to points that no muscle moves (bridge and
wings of the nose, corners of the eyes, outline of the forehead) gives the motion of the head; what is left of every
other keypoint's motion is expression.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from fomm.motion.blink import Eye
from fomm.motion.lips import LipColumn
from fomm.nn.compact import CompactSettings
from fomm.nn.eyes import Almonds
from fomm.nn.geometry import on_axes
from fomm.nn.landmarks import EYES, FREE_PLACES, MIRROR, REGIONS, TIED_LANDMARKS
from fomm.settings import Settings

_STEADY_LANDMARKS = (98, 327, 1, 168, 33, 133, 263, 362, 10, 234, 454)
_LIP_LANDMARKS = ((39, 81, 178, 181), (0, 13, 14, 17), (269, 311, 402, 405))
_WITH_LOWER_LIP = {61: 0.26, 291: 0.26, 152: 0.37}  # parts of its way when a mouth opens, learnt (`fomm directions`)
_DEPTHS = (
    *(1.93, 1.93, 2.33, 2.33, 2.14, 2.14, 2.25, 2.25, 2.15, 2.15, 2.48, 2.24, 2.36, 2.24),  # mouth
    *(1.91, 1.91, 2.06, 2.06, 2.10, 2.10, 2.08, 2.08, 1.87, 1.87, 2.24, 2.24, 2.46, 2.46),  # eyes, brows
    *(2.33, 2.33, 2.87, 2.42, 0.87, 0.87, 1.08, 1.08, 2.32, 1.79, 1.99, 1.99, 2.03, 2.03),  # nose, outline, the rest
)  # of the tied keypoints, towards the viewer from where the head turns, in face sizes, learnt (`fomm directions`)
_BETWEEN_EYES = TIED_LANDMARKS.index(168)
_BODY = 0.65  # face heights below the face's centre, from where a free keypoint is on the body


@dataclass(frozen=True)
class Anatomy:
    """Which keypoints are where on the face.

    Attributes:
        face: how many keypoints lie on the face; they come first, the others follow hair and body.
        eyes: corners and lids of both eyes.
        steady: keypoints that move with the skull alone.
        depths: how far towards the viewer the face's keypoints are, in face sizes.
        irises: the keypoint on the iris of each of `eyes`, or none.
        lips: the lips' keypoints, column by column.
        body: keypoints on neck, shoulders and chest.
        jaw: keypoints off the lips that go with the lower lip when the mouth opens, and what part of its way.
    """

    face: int
    eyes: tuple[Eye, ...]
    steady: tuple[int, ...]
    depths: tuple[float, ...]
    irises: tuple[int, ...] = ()
    lips: tuple[LipColumn, ...] = ()
    body: tuple[int, ...] = ()
    jaw: tuple[tuple[int, float], ...] = ()

    @classmethod
    def of_tied(cls, tied: int, free: int = 0) -> Anatomy:
        """Return the anatomy of a model whose keypoints follow `TIED_LANDMARKS` and then `FREE_PLACES`."""
        steady = tuple(TIED_LANDMARKS.index(landmark) for landmark in _STEADY_LANDMARKS)
        irises = REGIONS["irises"]
        lips = tuple(LipColumn(*map(TIED_LANDMARKS.index, column)) for column in _LIP_LANDMARKS)
        body = tuple(tied + place for place, (_, y) in enumerate(FREE_PLACES[:free]) if y >= _BODY)
        jaw = tuple((TIED_LANDMARKS.index(landmark), part) for landmark, part in _WITH_LOWER_LIP.items())
        eyes = tuple(Eye(*eye) for eye in EYES)
        return cls(tied, eyes, steady, _DEPTHS[:tied], irises if tied > max(irises) else (), lips, body, jaw)

    @property
    def moving(self) -> tuple[int, ...]:
        """Keypoints of the face that expressions move about most: lips but for their corners, lids and irises."""
        lips = (place for column in self.lips for place in astuple(column))
        lids = (place for eye in self.eyes for place in (eye.upper, eye.lower))
        return (*lips, *lids, *self.irises)

    def gaze(self, value: Tensor) -> Tensor:
        """Return where the eyes look, `[B, E, 2]` for E irises: along and down each eye, in half widths of it.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        if not self.irises:
            return value.new_zeros(len(value), 0, 2)
        eyes = Almonds.of(value)
        return on_axes((value[:, list(self.irises)] - eyes.centre) / eyes.half, eyes.axes)

    def size(self, value: Tensor) -> Tensor:
        """Return the size of the face, `[B]`: the root mean square distance of its keypoints from their centre.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        face = value[:, : self.face]
        return (face - face.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()

    def tilt(self, value: Tensor) -> Tensor:
        """Return how far the face is tilted in the picture, `[B]` in radians: the angle of the line through the eyes.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        left, right = (value[:, [eye.outer, eye.inner]].mean(1) for eye in self.eyes)
        way = right - left
        return torch.atan2(way[:, 1], way[:, 0])

    def halves(self, value: Tensor) -> Tensor:
        """Return how wide the left and the right half of the face are in the picture, `[B, 2]`: `sides` above 0.

        Args:
            value: keypoints `[B, K, 2]`.
        """
        return self.sides(value, self.tilt(value)).abs()

    def sides(self, value: Tensor, tilt: Tensor) -> Tensor:
        """Return how far the left and the right side of the face are from its middle, `[B, 2]`.

        Each is the way from between the eyes outwards to an eye's outer corner. A turned face shows one half narrower
        than the other, and in profile it falls below 0.

        Args:
            value: keypoints `[B, K, 2]` or `[1, K, 2]`.
            tilt: the angle along which to measure, `[B]` in radians.
        """
        along = torch.stack((tilt.cos(), tilt.sin()), dim=-1)[:, None]  # [B, 1, 2]
        outer = value[:, [eye.outer for eye in self.eyes]]
        way: Tensor = ((outer - value[:, _BETWEEN_EYES, None]) * along).sum(-1)
        return way * way.new_tensor((-1.0, 1.0))

    @property
    def lip_halves(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Keypoints of the lips, corners included, in the left and in the right half of the face; none on its axis."""
        lips = REGIONS["mouth"]
        return tuple(own for own in lips if own < MIRROR[own]), tuple(own for own in lips if own > MIRROR[own])

    def carried_by_head(self, start: Tensor, driving: Tensor) -> Tensor:
        """Return where the driving frames' keypoints would be if the head had moved without any expression.

        Keypoints off the face have no expression: they stay as they are.

        Args:
            start: keypoints of the reference frame, `[1, K, 2]`.
            driving: keypoints of the driving frames, `[B, K, 2]`.
        """
        steady, face = list(self.steady), start[:, : self.face]
        depths = face.new_tensor(self.depths)[None, :, None]
        homogeneous = torch.cat((face, torch.ones_like(depths), depths), dim=-1)  # [1, F, 4] for the face's F keypoints
        fitted = torch.linalg.lstsq(homogeneous[:, steady].expand(len(driving), -1, -1), driving[:, steady]).solution
        return torch.cat((homogeneous @ fitted, driving[:, self.face :]), dim=1)

    def without_head(self, start: Tensor, driving: Tensor) -> Tensor:
        """Return the driving frames' keypoints with the head held as in the reference: expression alone, `[B, K, 2]`.

        Args:
            start: keypoints of the reference frame, `[B, K, 2]` or `[1, K, 2]`.
            driving: keypoints of the driving frames, `[B, K, 2]`.
        """
        return start + driving - self.carried_by_head(start[:1], driving)


def anatomy_of(config: Settings) -> Anatomy | None:
    """Return the anatomy of the model with these settings, or None where training tied no keypoints to the face."""
    if not isinstance(config, CompactSettings) or config.tied_keypoints <= max(map(max, EYES)):
        return None
    return Anatomy.of_tied(config.tied_keypoints, config.free_keypoints)
