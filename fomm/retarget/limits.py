"""How far the person in a photo goes, and the head turns, with the driver's.

A photo's body goes on below its window and stays there, so a driver who walks, or whose camera does, would pull the
head out of the collar. And one photo shows a head from one side: what a far turn would bring into view, a temple, an
ear, the hair behind it, would have to be made up over a large area. So either is free up to some way; what goes beyond
is shortened smoothly, and the photo comes back when the driver does.

A turn is told by the halves of the face, `t = (l - r) / (l + r)` with the widths `l` and `r` of `Anatomy.sides`: 0 of a
face seen from the front, near 0.3 of one turned by 25 degrees. With the head's motion made `a` times as long, `l` and
`r` are linear in `a`, which gives the `a` for a wanted `t`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.geometry.anatomy import Anatomy

_FREE_WAY, _FREE_TURN = 0.5, 0.8  # parts of the furthest that are carried over as they are


def held_back(source: Tensor, head: Tensor, anatomy: Anatomy, roam: float, turn: float) -> tuple[Tensor, Tensor]:
    """Return the head's steps, `[B, K, 2]`, no longer than wanted, and what part of its turn they keep, `[B, K, 1]`.

    Args:
        source: the photo's keypoints, `[1, K, 2]`.
        head: steps of the motion of head and body, `[B, K, 2]`.
        anatomy: what the keypoints are tied to.
        roam: how far the body goes at most; without keypoints on it, nothing holds it back.
        turn: the largest change of `t` against the photo's own.
    """
    body = list(anatomy.body)
    whole = head[:, body or slice(anatomy.face)].mean(1, keepdim=True)  # [B, 1, 2]
    kept = _turn_kept(source, head, anatomy, turn)[:, None, None].repeat(1, head.shape[1], 1)
    kept[:, body] = 1.0
    turned = torch.lerp(whole.expand_as(head), head, kept)
    if body:
        length = whole.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        turned = turned - whole * (1 - _shortened(length, _FREE_WAY * roam, roam) / length)
    return turned, kept


def _turn_kept(source: Tensor, head: Tensor, anatomy: Anatomy, turn: float) -> Tensor:
    """Return what part of the head's motion turns the face no further than wanted, `[B]`."""
    angle = anatomy.tilt(source + head)
    before, after = anatomy.sides(source, angle), anatomy.sides(source + head, angle)  # [B, 2] each
    whole, wider = before.sum(1), (after - before).sum(1)
    lean, leaning = before[:, 0] - before[:, 1], (after - before)[:, 0] - (after - before)[:, 1]
    own = lean / whole.clamp_min(1e-4)
    way = (lean + leaning) / (whole + wider).clamp_min(1e-4) - own
    wanted = own + way.sign() * _shortened(way.abs(), _FREE_TURN * turn, turn)
    part = (wanted * whole - lean) / (leaning - wanted * wider)
    return torch.where(way.abs() > _FREE_TURN * turn, part, 1.0).clamp(0, 1)


def _shortened(way: Tensor, free: float, furthest: float) -> Tensor:
    """Return ways that are free up to one length and come close to another beyond."""
    room = max(furthest - free, 1e-6)
    return torch.where(way > free, free + room * torch.tanh((way - free) / room), way)
