"""What the close look learns from: views of mouths and eyes laid around true landmarks, and how far off it is.

Windows are laid a little astray, as a first look lays them. Two moments of the same person come together: what drives a
photo is how far a keypoint went, so a mistake that is the same at both moments costs less than one that is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.networks.compact.close_look import EYE, EYE_SIDE, MOUTH, MOUTH_SIDE, CloseLook, Windows, mirrored_mouth
from fomm.training.data.labelled_clips import FRAME_SIDE, TransferBatch

_TURN, _ZOOM, _SQUEEZE, _SHIFT = 0.09, 0.08, 0.03, 0.07  # deviations: radians, logarithms, half windows
_LIGHT, _TINT, _GAMMA, _SATURATION, _NOISE = 0.2, 0.06, 0.2, 0.25, 0.035
_COARSE, _COARSEST, _GROUPS = 0.5, 0.4, 6  # share of views with fewer pixels, the least part, views that share it
_HIDDEN, _FLAT = 0.08, 0.05  # share of views with something in front of the face, and its grain
_BEND = 0.3  # px: errors below count squared
_STILL = 0.5  # weight of where a keypoint is, against how far it went


@dataclass(frozen=True)
class CloseView:
    """Views of mouths, or of left and then right eyes.

    Attributes:
        shown: `[N, 3, S, S]` in [0, 1].
        windows: where they were cut out.
        true: where the keypoints are in the whole picture, `[N, K, 2]` in [-1, 1].
        known: where that is known and inside of it, bool `[N, K]`.
    """

    shown: Tensor
    windows: Windows
    true: Tensor
    known: Tensor


@dataclass(frozen=True)
class CloseViews:
    """A batch of both kinds; rows come in twos, source and driving moment of a person."""

    mouths: CloseView
    eyes: CloseView


def draw_close_views(batch: TransferBatch, generator: torch.Generator) -> CloseViews:
    """Return random views of all people and moments of a batch; `generator` alone decides the randomness."""
    pictures = batch.frames.flatten(0, 1).float().div(255)  # [4 B, 3, 256, 256]
    mesh = torch.cat((batch.landmarks, batch.irises), dim=2).flatten(0, 1)
    tied = mesh[:, list(TIED_LANDMARKS)]  # [4 B, 42, 2]
    mouths, eyes = Windows.of(tied)
    flipped = (torch.rand(len(pictures) // 2, generator=generator) < 0.5).repeat_interleave(2)
    laid = _astray(mouths, generator).mirrored(flipped), _astray(eyes, generator)
    true = mirrored_mouth(tied[:, MOUTH], flipped), torch.cat([tied[:, eye] for eye in EYE])
    views = (
        CloseView(
            _worn(windows.cut(pictures, side), generator),
            windows,
            torch.where(places.isfinite(), places, 0.0),
            places.isfinite().all(-1) & (places.abs().amax(-1) < 1),
        )
        for windows, side, places in zip(laid, (MOUTH_SIDE, EYE_SIDE), true, strict=True)
    )
    return CloseViews(*views)


def close_losses(look: CloseLook, views: CloseViews) -> dict[str, Tensor]:
    """Return the mean errors of mouths and eyes, in px of 256."""
    return {
        "mouth": _error(views.mouths, look.mouth(views.mouths.shown)),
        "eyes": _error(views.eyes, look.eye(views.eyes.shown)),
    }


def _error(view: CloseView, found: Tensor) -> Tensor:
    astray = (view.windows.outside(found) - view.true) * (FRAME_SIDE / 2)  # [N, K, 2]
    went, known = astray[1::2] - astray[::2], view.known[1::2] & view.known[::2]  # from moment to moment
    return _STILL * _mean(astray, view.known) + _mean(went, known)


def _mean(error: Tensor, known: Tensor) -> Tensor:
    distance = (error.square().sum(-1) + 1e-6).sqrt()
    soft = torch.where(distance < _BEND, distance.square() / (2 * _BEND), distance - _BEND / 2)
    return (soft * known).sum() / known.sum().clamp_min(1)


def _astray(windows: Windows, generator: torch.Generator) -> Windows:
    """Return windows as a first look might lay them."""
    count = len(windows.centre)
    turn = _normal((count,), generator) * _TURN
    zoom = torch.exp(_normal((count, 1, 1), generator) * _ZOOM + _normal((count, 1, 2), generator) * _SQUEEZE)
    cos, sin = turn.cos(), turn.sin()
    turned = torch.stack((torch.stack((cos, -sin), -1), torch.stack((sin, cos), -1)), -2)  # [N, 2, 2]
    shift = windows.axes @ (_normal((count, 2, 1), generator) * _SHIFT)
    return Windows(windows.centre + shift[..., 0], windows.axes @ turned * zoom)


def _worn(shown: Tensor, generator: torch.Generator) -> Tensor:
    """Return views `[N, 3, S, S]` in another light, some of them coarse, noisy, or with something in front."""
    one = (len(shown), 1, 1, 1)
    lit = shown.clamp(1e-3, 1) ** torch.exp(_normal(one, generator) * _GAMMA)
    lit = lit * torch.exp(_normal(one, generator) * _LIGHT + _normal((len(shown), 3, 1, 1), generator) * _TINT)
    grey = lit.mean(1, keepdim=True)
    lit = torch.lerp(grey, lit, (1 + _normal(one, generator) * _SATURATION).clamp(0, 1.6))
    worn = torch.cat([_coarse(part, generator) for part in lit.tensor_split(_GROUPS)])
    worn = worn + _normal(tuple(worn.shape), generator) * torch.rand(one, generator=generator) * _NOISE
    return _hidden(worn, generator).clamp(0, 1)


def _coarse(shown: Tensor, generator: torch.Generator) -> Tensor:
    """Return views gone through fewer pixels, as of a small or blurred face, or as they are."""
    chance, part = torch.rand(2, generator=generator).tolist()
    if chance > _COARSE or not len(shown):
        return shown
    side = shown.shape[-1]
    fewer = round(side * (_COARSEST + (1 - _COARSEST) * part))
    small = F.interpolate(shown, size=(fewer, fewer), mode="bilinear", antialias=True, align_corners=False)
    mode = "bicubic" if chance < _COARSE / 2 else "bilinear"
    return F.interpolate(small, size=(side, side), mode=mode, align_corners=False)


def _hidden(shown: Tensor, generator: torch.Generator) -> Tensor:
    """Return views some of which have a flat rectangle in front, up to half as wide and high as they are."""
    count, side = len(shown), shown.shape[-1]
    size = side * (1 / 6 + torch.rand((count, 2), generator=generator) / 3)
    corner = torch.rand((count, 2), generator=generator) * (side - size)
    place = torch.arange(side).to(shown)
    across, along = (
        (place >= corner[:, axis, None]) & (place < (corner + size)[:, axis, None]) for axis in range(2)
    )  # [N, S] each
    covered = along[:, :, None] & across[:, None] & (torch.rand((count, 1, 1), generator=generator) < _HIDDEN)
    colour = torch.rand((count, 3, 1, 1), generator=generator)
    grain = _normal(tuple(shown.shape), generator) * _FLAT
    return torch.where(covered[:, None], colour + grain, shown)


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator)
