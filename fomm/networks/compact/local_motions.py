"""Affine motions around keypoints, and how they add up to one field (the paper's equations 4 and 5).

Beside the keypoints' own motions there are carried ones: affine motions of shoulders, neck or hair, each one linear map
of how all keypoints moved. Where cloth or hair gives a keypoint nothing to hold on to, the face tells more: on held-out
people a linear map of landmark steps predicts the shoulders' mean shift to 1.5 px of 5.2.

A mean of all motions is smooth, but a head before a wall is not: between the two, a mean smears both. With an edge, a
field has two layers, what moves and the background that rests, and a pixel is of one or the other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.geometry.affine import inverse_2x2
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints


class CarriedMotions(nn.Module):
    """Affine motions of what follows the head, from the steps of all keypoints by one linear map.

    Steps are measured in units of how far the keypoints spread, and the motions are about the keypoints' centre, so a
    face moves its shoulders alike wherever and however large it is.

    Args:
        num_keypoints: K.
        count: M, how many motions.
    """

    def __init__(self, num_keypoints: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2 * num_keypoints, 6 * count))
        self.logit = nn.Parameter(torch.full((count,), -4.0))

    def forward(self, driving: Keypoints, source: Keypoints) -> Tensor:
        """Return the motions as `local_motions` does, `[B, M, 6]`; all are the identity before training."""
        centre = driving.value.mean(1, keepdim=True)  # [B, 1, 2]
        spread = (driving.value - centre).square().sum(-1).mean(1).sqrt().clamp_min(1e-3)[:, None, None]  # [B, 1, 1]
        steps = ((source.value - driving.value) / spread).flatten(1)  # [B, 2K]
        with torch.autocast(steps.device.type, enabled=False):
            affine = (steps.float() @ self.weight).view(len(steps), -1, 6)  # [B, M, 6]
        shift, linear = affine[..., :2], affine[..., 2:]
        offset = spread * shift - linear[..., :2] * centre[..., :1] - linear[..., 2:] * centre[..., 1:]  # [B, M, 2]
        return torch.cat((offset, linear + linear.new_tensor((1.0, 0.0, 0.0, 1.0))), dim=2)


def local_motions(driving: Keypoints, source: Keypoints) -> Tensor:
    """Return the affine motion around each keypoint (equation 4), the identity for the background first.

    Returns:
        `[B, K + 1, 6]`: offset (x, y), then what a step in x and a step in y add (x, y each).
    """
    batch = len(driving)
    identity = driving.value.new_tensor([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]).expand(batch, 1, 6)
    if driving.jacobian is None or source.jacobian is None:
        linear = identity[:, :, 2:].expand(-1, driving.value.shape[1], -1)
        return torch.cat((identity, torch.cat((source.value - driving.value, linear), dim=2)), dim=1)
    # Products of 2x2 matrices are written out: autocast would round a matrix product to bfloat16.
    inverse = inverse_2x2(driving.jacobian)
    local = (source.jacobian.unsqueeze(-1) * inverse.unsqueeze(-3)).sum(-2)  # [B, K, 2, 2]
    offset = source.value - (local * driving.value.unsqueeze(-2)).sum(-1)  # [B, K, 2]
    linear = local.transpose(2, 3).flatten(2)  # [B, K, 4]
    return torch.cat((identity, torch.cat((offset, linear), dim=2)), dim=1)


def blend_motions(motions: Tensor, logits: Tensor) -> Tensor:
    """Average affine motions `[B, N, 6]` under softmax weights `[B, N, H, W]`: a flow `[B, H, W, 2]`.

    The average of affine maps is the affine map of the averaged coefficients, so N flow fields are never formed.
    """
    flow, _ = _blended(motions, logits)
    return flow.permute(0, 2, 3, 1)


def before_background(motions: Tensor, logits: Tensor, detail: int) -> tuple[Tensor, Tensor]:
    """Blend affine motions without the background, on a grid `detail` times as fine as the logits'.

    Args:
        motions: `[B, N, 6]`, the background's, which is the identity, first.
        logits: weights of the motions before the softmax, `[B, N, S, S]`.
        detail: D.

    Returns:
        The displacement `[B, 2, S D, S D]`, and by how much a cell is of what moves rather than of the background, a
        logit, `[B, 1, S D, S D]`: the logits are enlarged, not the field, so that an edge told by them is sharp.
    """
    others, weights = _displaced(motions[:, 1:], logits[:, 1:])
    # A logit is its weight's logarithm plus the logsumexp of all; the largest loses the fewest bits.
    whole = logits[:, 1:].amax(1, keepdim=True) - weights.amax(1, keepdim=True).log()
    before = whole - logits[:, :1]  # [B, 1, S, S]
    moved = _enlarged(torch.cat((others, before), dim=1), detail)
    return moved[:, :2], moved[:, 2:]


def layered(motions: Tensor, logits: Tensor, edge: float, detail: int) -> tuple[Tensor, Tensor | None]:
    """Blend affine motions into one displacement, see `before_background` for arguments.

    Args:
        motions: likewise.
        logits: likewise.
        edge: 0 blends all motions alike. Otherwise the background has the pixels where its weight is above half, with
            an edge so many times steeper than the softmax's.
        detail: likewise.

    Returns:
        The displacement `[B, 2, S D, S D]`, and with an edge the share of what moves, `[B, 1, S D, S D]` in [0, 1].
    """
    if not edge:
        return _enlarged(_displaced(motions, logits)[0], detail), None
    moved, before = before_background(motions, logits, detail)
    front = torch.sigmoid(edge * before)
    return moved * front, front


def _blended(motions: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the flow of `blend_motions` as planes, `[B, 2, H, W]`, and its weights, `[B, N, H, W]`."""
    height, width = logits.shape[2:]
    weights = F.softmax(logits, dim=1)  # [B, N, H, W]
    with torch.autocast(logits.device.type, enabled=False):
        mixed = motions.transpose(1, 2) @ weights.flatten(2)  # [B, 6, H * W]
    offset, along_x, along_y = mixed.view(-1, 6, height, width).chunk(3, dim=1)  # [B, 2, H, W] each
    grid = coordinate_grid(height, width, logits, corners=False)
    return offset + along_x * grid[..., 0] + along_y * grid[..., 1], weights


def _displaced(motions: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `_blended` does, the flow without the identity."""
    flow, weights = _blended(motions, logits)
    grid = coordinate_grid(flow.shape[2], flow.shape[3], flow, corners=False)
    return flow - grid.permute(2, 0, 1), weights


def _enlarged(planes: Tensor, times: int) -> Tensor:
    """Enlarge `[B, C, S, S]` to `[B, C, S T, S T]`."""
    return F.interpolate(planes, scale_factor=times, mode="bilinear", align_corners=False) if times > 1 else planes
