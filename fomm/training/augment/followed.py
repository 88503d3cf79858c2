"""Training's stand-in for the tracker of hair and clothes (`fomm.track.surface`): the true flow, a little off.

The tracker registers pictures one by one on a processor, where a GPU learns from a thousand samples a second. What it
finds for a keypoint is where the driver's surface around it went, so one affine map is fitted to the true flow around
each keypoint here. It is off by about what the tracker is off by, and now and then it is missing: a network that only
saw perfect maps would trust them too much.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fomm.geometry.affine import inverse_2x2
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.track.surface import WILD
from fomm.training.augment.views import TransferSample

_NEAR, _FAR = 0.06, 0.12  # deviations in [-1, 1] units of what counts around a keypoint, and where little is near
_FAR_SHARE = 0.05  # weight of what is only far
_LEAST_CELLS = 1.0  # by weight: with less that is known around it, a keypoint is not followed
_SHIFTED = 0.0025  # median standard deviation of what a place is off by, in [-1, 1] units
_BENT = 0.014  # and of what a Jacobian is off by
_UNEVEN = 0.75  # standard deviation of the logarithm of both, from sample to sample
_TOGETHER = 0.5  # share of a shift's variance that all keypoints have in common
_ACROSS = 2.0  # factor on both where another person's hair and clothes, of other shapes, are followed
_MISSING, _ASTRAY = 0.08, 0.05  # shares of samples, and of single keypoints, without
_STIFF = 1e-5  # squared lengths, in [-1, 1] units, of evidence that a fit must outweigh to turn or stretch


def followed(driving: Keypoints, source: Keypoints, sample: TransferSample, tied: int) -> Keypoints:
    """Return keypoints that drive person 0, `[B, K, 2]`, with those off the face moved as the person's surface moved.

    Args:
        driving: as the detector found them, `[B, K, 2]`.
        source: of person 0 at the source moment, `[B, K, 2]`.
        sample: the batch.
        tied: how many keypoints lie on the face.

    Raises:
        ValueError: the keypoints have no Jacobians.
    """
    if driving.jacobian is None or source.jacobian is None:
        raise ValueError("Only keypoints with Jacobians are followed.")
    count = len(sample.flow)
    known = sample.valid * sample.person[:, 1]  # [B, S, S]
    with torch.autocast(known.device.type, enabled=False):  # bfloat16 is too coarse for moments
        place, local, cells = surface_motion(source.value[:, tied:].float(), sample.flow, known)
    spread = torch.exp(_UNEVEN * torch.randn(count, 1, 1, device=known.device))
    spread[sample.split :] *= _ACROSS
    common, own = torch.randn(count, 1, 2, device=known.device), torch.randn_like(place)
    place = place + _SHIFTED * spread * (math.sqrt(_TOGETHER) * common + math.sqrt(1 - _TOGETHER) * own)
    local = local + _BENT * spread[..., None] * torch.randn_like(local)
    there = (cells > _LEAST_CELLS) & ((torch.linalg.det(local) - 1).abs() < WILD)  # [B, F]
    there &= torch.rand_like(cells) >= _ASTRAY
    there &= torch.rand(count, 1, device=known.device) >= _MISSING
    value = torch.where(there[..., None], place, driving.value[:, tied:])
    turned = (local.unsqueeze(-1) * source.jacobian[:, tied:].unsqueeze(-3)).sum(-2)  # [B, F, 2, 2]
    jacobian = torch.where(there[..., None, None], turned, driving.jacobian[:, tied:])
    return Keypoints(
        torch.cat((driving.value[:, :tied], value), dim=1), torch.cat((driving.jacobian[:, :tied], jacobian), dim=1)
    )


def surface_motion(points: Tensor, flow: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return where points of the source went, `[B, N, 2]`, the maps around them `[B, N, 2, 2]`, and from how much.

    The last is how many cells around each point tell, by weight, `[B, N]`.

    Args:
        points: in the source, `[B, N, 2]`.
        flow: from driving cells to source coordinates, `[B, S, S, 2]`.
        known: how far it is to be believed, `[B, S, S]` in [0, 1].
    """
    side = flow.shape[1]
    there = coordinate_grid(side, side, flow, corners=False).flatten(0, 1)  # [S * S, 2]
    here = torch.where(known[..., None] > 0, flow, 0).flatten(1, 2)  # [B, S * S, 2]
    away = torch.cdist(points.detach(), here).square()  # [B, N, S * S]
    weight = torch.exp(-away / (2 * _NEAR**2)) + _FAR_SHARE * torch.exp(-away / (2 * _FAR**2))
    weight = weight * known.flatten(1)[:, None]
    cells = weight.sum(-1)  # [B, N]
    share = weight / cells.clamp_min(1e-6).unsqueeze(-1)
    centre, goal = share @ here, share @ there  # [B, N, 2]
    # Moments about the means, both from sums over all cells: a cell's own offset would be [B, N, S * S, 2].
    both = torch.einsum("bnp,pi,bpj->bnij", share, there, here) - goal[..., :, None] * centre[..., None, :]
    own = torch.einsum("bnp,bpi,bpj->bnij", share, here, here) - centre[..., :, None] * centre[..., None, :]
    stiff = _STIFF * torch.eye(2, device=flow.device)
    local = (both + stiff) @ inverse_2x2(own + stiff)
    return goal + (local @ (points - centre).unsqueeze(-1))[..., 0], local, cells
