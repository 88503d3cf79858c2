"""Shoulders and chest move as one piece: a similarity map of the picture, and the keypoints that it carries.

On cloth no two people share, a keypoint finds its place in one frame and misses it by two or three pixels in the next.
But all of the body below the chin moves alike, so one map (turn, zoom and shift), however it was found, moves every
keypoint there better than each is found anew. `fomm.motion.shoulders` finds it in a driving clip; training reads it
from the true flow (`fomm.training.followed`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.nn.geometry import Keypoints

TORSO = 0.1
"""Of the face's height: how far below the chin nothing moves with the head any more; keypoints do from the chin on."""

_FADE = 0.1  # of the face's height, over which more and more is of the body
_STIFF = 0.02  # squared lengths of evidence that a fit must outweigh to turn or zoom


@dataclass(frozen=True)
class Similarity:
    """Turn, zoom and shift of the picture, one per row: `(x, y) -> shift + (c x - s y, s x + c y)`.

    Attributes:
        shift: `[B, 2]` in [-1, 1] units.
        turn: c and s, `[B, 2]`; (1, 0) neither turns nor zooms.
    """

    shift: Tensor
    turn: Tensor

    @classmethod
    def fit(cls, points: Tensor, targets: Tensor, weight: Tensor) -> Similarity:
        """Return the least-squares map from points `[B, N, 2]` to targets `[B, N, 2]` under weights `[B, N]`."""
        share = (weight / weight.sum(1, keepdim=True).clamp_min(1e-6)).unsqueeze(-1)  # [B, N, 1]
        centre, goal = (points * share).sum(1), (targets * share).sum(1)  # [B, 2]
        x, y = (points - centre[:, None]).unbind(-1)  # [B, N]
        u, v = (targets - goal[:, None]).unbind(-1)
        along, across = ((share[..., 0] * part).sum(1) for part in (x * u + y * v, x * v - y * u))  # [B]
        size = (share[..., 0] * (x * x + y * y)).sum(1)
        turn = torch.stack((along + _STIFF, across), dim=1) / (size + _STIFF)[:, None]
        return cls(goal - _turned(centre, turn), turn)

    def __call__(self, points: Tensor) -> Tensor:
        """Move points `[B, N, 2]`."""
        return self.shift[:, None] + _turned(points, self.turn[:, None])

    def matrix(self) -> Tensor:
        """Return the linear part, `[B, 2, 2]`."""
        c, s = self.turn.unbind(-1)
        return torch.stack((torch.stack((c, -s), dim=-1), torch.stack((s, c), dim=-1)), dim=-2)

    def inverse(self) -> Similarity:
        """Return the map back."""
        back = self.turn * self.turn.new_tensor((1.0, -1.0)) / self.turn.square().sum(-1, keepdim=True)
        return Similarity(-_turned(self.shift, back), back)

    def after(self, first: Similarity) -> Similarity:
        """Return the map that does `first` and then this one."""
        return Similarity(self.shift + _turned(first.shift, self.turn), _turned(first.turn, self.turn))


def _turned(points: Tensor, turn: Tensor) -> Tensor:
    """Return points `[..., 2]` turned and zoomed by c and s `[..., 2]`."""
    c, s = turn.unbind(-1)
    x, y = points.unbind(-1)
    return torch.stack((c * x - s * y, s * x + c * y), dim=-1)


def chin(face: Tensor) -> tuple[Tensor, Tensor]:
    """Return how low the chin is and how high the face, `[B]` each, for keypoints or landmarks of it `[B, N, 2]`."""
    top, bottom = face[..., 1].amin(1), face[..., 1].amax(1)
    return bottom, bottom - top


def body_weight(y: Tensor, low: Tensor | float, height: Tensor | float, begin: float = 0.0) -> Tensor:
    """Return how far what lies at `y` is of the body, in [0, 1].

    Args:
        y: downwards, in [-1, 1].
        low: where the chin is.
        height: of the face.
        begin: how far below the chin the body begins, in face heights.
    """
    return ((y - low) / height - begin).div(_FADE).clamp(0, 1)


def carried_by_body(driving: Keypoints, anchor: Keypoints, body: Similarity, tied: int, sure: Tensor) -> Keypoints:
    """Return driving keypoints of which those below the chin moved from the anchor as the body did.

    Args:
        driving: as the detector found them, `[B, K, 2]`.
        anchor: of the frame that the body moved from, `[B, K, 2]`.
        body: how it moved.
        tied: how many keypoints lie on the face; they come first and stay as they are.
        sure: how far the map is to be trusted, `[B]` in [0, 1].
    """
    free = anchor.value[:, tied:]
    low, height = chin(anchor.value[:, :tied])
    share = (body_weight(free[..., 1], low[:, None], height[:, None]) * sure[:, None]).unsqueeze(-1)  # [B, F, 1]
    value = torch.cat((driving.value[:, :tied], torch.lerp(driving.value[:, tied:], body(free), share)), dim=1)
    if driving.jacobian is None or anchor.jacobian is None:
        return Keypoints(value)
    local = (body.matrix()[:, None, :, :, None] * anchor.jacobian[:, tied:].unsqueeze(-3)).sum(-2)  # [B, F, 2, 2]
    local = torch.lerp(driving.jacobian[:, tied:], local, share.unsqueeze(-1))
    return Keypoints(value, torch.cat((driving.jacobian[:, :tied], local), dim=1))
