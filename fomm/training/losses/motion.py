"""Losses of the motion stage: true flow, landmarks, cross-identity transfer and equivariance.

Two of them need paired synthetic data. *Supervised dense flow*: the predicted backward flow equals the rendered one.
*Cross-identity transfer*: person 0 at moment i, driven by person 1 going from i to j, moves as person 0 did from i to j
(see `fomm.training.augment.found_keypoints`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.stages import MotionWeights
from fomm.errors import SettingsError
from fomm.geometry.affine import inverse_2x2
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.heatmaps import gaussian_heatmap
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import FREE_PLACES, LIDS, LIPS, MIRROR, REGIONS, SKIN, TIED_LANDMARKS
from fomm.geometry.motion import Motion
from fomm.geometry.warping import warp
from fomm.model.compact import CompactModel
from fomm.training.augment.found_keypoints import find_keypoints
from fomm.training.augment.irises import see_irises
from fomm.training.augment.views import TransferSample, looked_at
from fomm.training.losses.entropy import share_entropy

_LEAST_AREA = 0.1  # determinant that a keypoint's Jacobian should not fall below
_SMALL_STEP = 0.02  # mean step in [-1, 1] units, both axes added, under which a sample's errors are hardly smaller


@dataclass(frozen=True)
class MotionOutcome:
    """Weighted losses by name, the motion they judge, and the keypoints that drove it."""

    losses: dict[str, Tensor]
    motion: Motion
    driving: Keypoints


def motion_losses(model: CompactModel, sample: TransferSample, weights: MotionWeights) -> MotionOutcome:
    """Return the losses of one batch."""
    found = find_keypoints(model, sample)
    source, own, driving = found.source, found.own, found.driving
    tied = model.settings.tied_keypoints
    motion = model.move(sample.clean[:, 0], driving, source)
    side = sample.flow.shape[1]
    region = region_weights(sample, weights.mouth, weights.eyes, side)
    occlusion, photometric = _picture_losses(sample, motion, region)
    error = (motion.flow_on(side) - sample.flow).abs().sum(-1)
    even = even_weights(sample, weights.even)
    losses = {
        "flow": weights.flow * _weighted_mean(error, sample.valid * region * even[:, None, None]),
        "landmark_flow": weights.landmark_flow * _landmark_flow(sample, motion.flow, even),
        "keypoints": weights.keypoints * _tied_keypoints(found.everywhere, sample, tied),
        "free_keypoints": weights.free_keypoints * _free_keypoints(source, own, sample, tied),
        "photometric": weights.photometric * photometric,
        "occlusion": weights.occlusion * occlusion,
        "invertible": weights.invertible * invertible_loss(found.everywhere),
    }
    if model.detector.training:
        value, jacobian = _equivariance(model, sample.seen[1 : 2 * len(sample.clean) : 2], own, tied)
        losses["equivariance"] = weights.equivariance_value * value + weights.equivariance_jacobian * jacobian
    if weights.silhouette > 0:
        losses["silhouette"] = weights.silhouette * silhouette_loss(sample, motion)
    return MotionOutcome(losses, motion, driving)


def invertible_loss(keypoints: Keypoints) -> Tensor:
    """Return how far determinants of Jacobians fall below a tenth, the mean over keypoints.

    A local motion divides by the driving Jacobian. One that changes orientation on its way from face to face passes
    through zero, and there a keypoint throws what it moves out of the picture.
    """
    if keypoints.jacobian is None:
        raise ValueError("Only Jacobians can be invertible.")
    (a, b), (c, d) = (row.unbind(-1) for row in keypoints.jacobian.unbind(-2))
    return F.relu(_LEAST_AREA - (a * d - b * c)).mean()


def region_weights(sample: TransferSample, mouth: float, eyes: float, side: int) -> Tensor:
    """Return pixel weights `[B, side, side]`: 1, more around the driving frame's mouth and eyelids."""
    driving = sample.landmarks[:, 1]
    lips = gaussian_heatmap(driving[:, list(LIPS[::3])], side, side, variance=0.004, corners=False)
    lids = gaussian_heatmap(driving[:, list(LIDS[::3])], side, side, variance=0.002, corners=False)
    return 1 + mouth * lips.amax(1) + eyes * lids.amax(1)


def even_weights(sample: TransferSample, even: float) -> Tensor:
    """Return weights `[B]` that make up for how far samples move; their mean is 1.

    Errors grow with the move, so that without it a few far turns outweigh all the small movements a clip is made of.

    Args:
        sample: the batch.
        even: 0 weighs all alike, 1 by the inverse of the mean step, what lies between by that power of it.
    """
    side = sample.flow.shape[1]
    step = (sample.flow - coordinate_grid(side, side, sample.flow, corners=False)).abs().sum(-1)  # [B, S, S]
    known = sample.valid.sum((1, 2)).clamp_min(1.0)
    weight = ((step * sample.valid).sum((1, 2)) / known + _SMALL_STEP) ** -even  # [B]
    return weight / weight.mean()


def _weighted_mean(error: Tensor, weight: Tensor) -> Tensor:
    return (error * weight).sum() / weight.sum().clamp_min(1.0)


def _landmark_flow(sample: TransferSample, flow: Tensor, even: Tensor) -> Tensor:
    """Read the flow at the driving landmarks: it should point at the same landmarks in the source."""
    irises = see_irises(sample)
    source = torch.cat((sample.landmarks[:, 0], irises.source), dim=1)  # [B, L, 2]
    driving = torch.cat((sample.landmarks[:, 1], irises.driving), dim=1)
    side = flow.shape[1]
    shift = (flow - coordinate_grid(side, side, flow, corners=False)).permute(0, 3, 1, 2)
    read = F.grid_sample(shift, driving[:, :, None], padding_mode="border", align_corners=False)
    error = (read[..., 0].transpose(1, 2) + driving - source).abs().sum(-1)  # [B, L]
    weight = torch.ones(error.shape[1])
    weight[list(LIPS)] = 5.0
    weight[list(LIDS)] = 5.0
    weight[SKIN:] = 20.0  # a gaze is two small spots in all those landmarks
    inside = (driving.abs().amax(-1) < 1) & (source.abs().amax(-1) < 1)
    inside[:, SKIN:] &= irises.seen
    return _weighted_mean(error, weight.to(error) * inside * even[:, None])


def _tied_keypoints(everywhere: Keypoints, sample: TransferSample, tied: int) -> Tensor:
    mesh = looked_at(torch.cat((sample.landmarks, sample.irises), dim=2), sample.split)
    mirrored = looked_at(sample.mirrored[:, None].expand(-1, 4), sample.split)
    wanted = mesh[:, list(TIED_LANDMARKS[:tied])]  # [N, K, 2]
    wanted = torch.where(mirrored[:, None, None], wanted[:, list(MIRROR[:tied])], wanted)
    known = wanted.isfinite()
    wanted = torch.where(known, wanted, 0.0)
    predicted = everywhere.value[:, :tied]
    weight = torch.ones(len(TIED_LANDMARKS))
    weight[list(REGIONS["mouth"] + REGIONS["eyes"])] = 3.0
    weight[list(REGIONS["irises"])] = 8.0  # they travel a pixel or two in the eye, and few clips know them
    return ((predicted - wanted).abs().mul(known).sum(-1) * weight[:tied].to(wanted)).mean()


def _free_keypoints(source_keypoints: Keypoints, own: Keypoints, sample: TransferSample, tied: int) -> Tensor:
    """Let free keypoints stick to the body: they follow the true flow, near a place of their own beside the face.

    The places are fractions of the face's height from its centre. Only straying further than a quarter of a unit
    from its place costs a keypoint anything; inside, the true flow alone decides where it is in each frame.
    """
    source, driving = source_keypoints.value[:, tied:], own.value[:, tied:]
    places = source.new_tensor(FREE_PLACES)[: source.shape[1]]
    if not len(places):
        return source.new_zeros(())
    side = sample.flow.shape[1]
    shift = sample.flow - coordinate_grid(side, side, sample.flow, corners=False)
    planes = torch.cat((shift.permute(0, 3, 1, 2), sample.valid[:, None]), dim=1)  # [B, 3, side, side]
    read = F.grid_sample(planes, driving.detach()[:, :, None], padding_mode="border", align_corners=False)[..., 0]
    known = read[:, 2] > 0.99  # [B, free]
    astray = (driving + read[:, :2].transpose(1, 2) - source).abs().sum(-1) * known
    face = sample.landmarks[:, 0]
    height = face[..., 1].amax(1) - face[..., 1].amin(1)
    wanted = face.mean(1)[:, None] + places * height[:, None, None]
    away = F.relu((source - wanted.clamp(-0.95, 0.95)).abs() - 0.25).sum(-1)
    return (astray + away).mean()


def silhouette_loss(sample: TransferSample, motion: Motion) -> Tensor:
    """Compare what moves before the background with where the person is in the driving frame.

    Raises:
        SettingsError: the model blends softly.
    """
    if motion.front is None:
        raise SettingsError("motion.silhouette: the model blends softly and has no silhouette; set model.edge above 0.")
    person = sample.person[:, 1:]  # [B, 1, S, S]
    return share_entropy(F.adaptive_avg_pool2d(motion.front.float(), person.shape[-1]), person).mean()


def _picture_losses(sample: TransferSample, motion: Motion, region: Tensor) -> tuple[Tensor, Tensor]:
    """Return the occlusion loss and the photometric loss of the plain warp, at twice the resolution of `region`."""
    side = 2 * region.shape[1]
    pictures = sample.clean.flatten(0, 1)
    if pictures.shape[-1] != side:
        pictures = F.interpolate(pictures, size=(side, side), mode="area")
    source, driving = pictures.view(-1, 2, 3, side, side).unbind(1)
    warped = warp(source, motion.displacement().permute(0, 3, 1, 2))
    difference = (warped - driving).abs().mean(1)
    photometric = (difference * F.interpolate(region[:, None], size=(side, side))[:, 0]).mean()
    if motion.occlusion is None:
        return torch.zeros(()), photometric
    # As in `copying_loss`, texture a little out of place is right.
    gap = F.avg_pool2d((warped - driving).detach(), 3, stride=1, padding=1, count_include_pad=False)
    target = F.avg_pool2d(torch.exp(-20 * gap.abs().mean(1, keepdim=True)), 2)
    return share_entropy(motion.occlusion, target).mean(), photometric


def _equivariance(model: CompactModel, pictures: Tensor, found: Keypoints, tied: int) -> tuple[Tensor, Tensor]:
    """Compare keypoints of a changed view with changed keypoints (the paper's equations 8 and 9) on half the batch.

    Values matter only for the free keypoints: the tied ones have landmarks.
    """
    half = max(1, len(pictures) // 2)
    pictures, found = pictures[:half], found[:half]
    if found.jacobian is None:
        raise ValueError("Equivariance of Jacobians needs Jacobians.")
    noise = torch.randn(half, 2, 3, device=pictures.device) * 0.08
    linear, shift = torch.eye(2, device=pictures.device) + noise[..., :2], noise[..., 2]
    grid = coordinate_grid(pictures.shape[2], pictures.shape[3], pictures, corners=False)
    where = torch.einsum("bij,hwj->bhwi", linear, grid) + shift[:, None, None]
    changed = model.detect(F.grid_sample(pictures, where, padding_mode="reflection", align_corners=False))
    if changed.jacobian is None:
        raise ValueError("Equivariance of Jacobians needs Jacobians.")
    back = changed.value @ linear.transpose(-1, -2) + shift[:, None]
    value = (back - found.value)[:, tied:].abs().mean() if found.value.shape[1] > tied else back.new_zeros(())
    frames = inverse_2x2(found.jacobian) @ linear[:, None] @ changed.jacobian
    return value, (frames - torch.eye(2, device=frames.device)).abs().mean()
