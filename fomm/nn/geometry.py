"""Keypoints, motion fields and the coordinate grids every network shares.

Coordinates are (x, y) in [-1, 1], x to the right and y down. Two grid conventions exist side by side:

- corner grids (`corners=True`): the first and last pixel *centres* lie on -1 and 1, `2 i / (n - 1) - 1`. The paper's
  code builds all its grids this way and keeps doing so for parity with its checkpoints.
- edge grids (`corners=False`): -1 and 1 are the *outer edges* of the frame, `(2 i + 1) / n - 1`, which is what
  `grid_sample(align_corners=False)` expects and does not depend on the resolution. The compact networks use these.

`Motion.displacement` removes the difference, so everything downstream (full-resolution warping, metrics) is shared.
Equations are those of Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from fomm.nn.person_layer import PersonLayer

_KEPT_CELLS = 256 * 256  # of the largest identity grid that is kept
_LEAST = -40.0  # exponent; exp(-80) = 1.8e-35 is still a normal float32 (from 1.2e-38 on)


@dataclass(frozen=True)
class Keypoints:
    """Keypoints of a batch of images.

    Attributes:
        value: positions `[B, K, 2]`, x then y in [-1, 1].
        jacobian: local affine frames `[B, K, 2, 2]` (rows: d/dx and d/dy components), or None for a
            translation-only model.
    """

    value: Tensor
    jacobian: Tensor | None = None

    def __getitem__(self, index: slice | Tensor) -> Keypoints:
        """Select along the batch dimension."""
        return Keypoints(self.value[index], None if self.jacobian is None else self.jacobian[index])

    def __len__(self) -> int:
        return len(self.value)

    def to(self, target: torch.device | torch.dtype) -> Keypoints:
        """Move or cast both tensors to one device or one floating type."""
        return Keypoints(self.value.to(target), None if self.jacobian is None else self.jacobian.to(target))

    def detach(self) -> Keypoints:
        """Return the same keypoints cut off from the autograd graph."""
        return Keypoints(self.value.detach(), None if self.jacobian is None else self.jacobian.detach())

    def expand(self, batch: int) -> Keypoints:
        """Repeat a single set of keypoints (`B == 1`) to `batch` without copying."""
        jacobian = None if self.jacobian is None else self.jacobian.expand(batch, -1, -1, -1)
        return Keypoints(self.value.expand(batch, -1, -1), jacobian)

    def mirrored(self, order: tuple[int, ...]) -> Keypoints:
        """Return the keypoints of the mirrored picture, left for right.

        Args:
            order: for each keypoint which one it becomes, see `fomm.nn.landmarks.mirror_order`.
        """
        picks = list(order)
        value = self.value[:, picks] * self.value.new_tensor((-1.0, 1.0))
        if self.jacobian is None:
            return Keypoints(value)
        swapped = self.jacobian.new_tensor(((1.0, -1.0), (-1.0, 1.0)))  # M J M with M = diag(-1, 1)
        return Keypoints(value, self.jacobian[:, picks] * swapped)

    @staticmethod
    def cat(parts: list[Keypoints]) -> Keypoints:
        """Concatenate along the batch dimension; all parts have a Jacobian or none has."""
        jacobians = [part.jacobian for part in parts if part.jacobian is not None]
        return Keypoints(torch.cat([part.value for part in parts]), torch.cat(jacobians) if jacobians else None)

    @staticmethod
    def mean(looks: list[Keypoints]) -> Keypoints:
        """Average several looks at the same pictures; all have a Jacobian or none has."""
        jacobians = [look.jacobian for look in looks if look.jacobian is not None]
        value = torch.stack([look.value for look in looks]).mean(0)
        return Keypoints(value, torch.stack(jacobians).mean(0) if jacobians else None)


@dataclass(frozen=True)
class Motion:
    """Dense backward motion: for every driving pixel, where in the source its content lies.

    Attributes:
        flow: source coordinates `[B, H, W, 2]`, x then y in [-1, 1].
        occlusion: how much of the warped source to trust, `[B, 1, h, w]` in [0, 1], or None; where a network makes the
            flow finer than its field, this and what follows have the field's sides.
        corners: whether `flow` was built on a corner grid (see the module docstring).
        features: optional `[B, C, h, w]` description of the motion for a generator that reads it.
        shown: where the source shows what belongs here, `[B, 1, h, w]` in [0, 1], by geometry alone (see
            `fomm.nn.shown.shown_in_source`), or None.
        mouth: what `fomm.nn.mouth.mouth_map` draws of the frame to make, `[B, 6, H, W]`, or None.
        drawn: a drawing (`fomm.nn.drawings`) `[B, 4, H, W]` of teeth, tongue, eyeballs and lashes, or None.
        own: where teeth are the source's own, and where the inside of the mouth is that lips hid in the source, as
            `fomm.nn.own_teeth.hold_teeth` tells, `[B, 2, H, W]` in [0, 1], or None.
        person: share of the person in the source pixels that are read, `[B, 1, h, w]` in [0, 1], or None.
        front: share of what moves before the background, `[B, 1, H, W]` in [0, 1], or None.
        layer: the person as a layer of their own (`fomm.nn.person_layer`), or None; `flow` is then that of whichever
            layer is in front.
    """

    flow: Tensor
    occlusion: Tensor | None = None
    corners: bool = False
    features: Tensor | None = None
    shown: Tensor | None = None
    mouth: Tensor | None = None
    drawn: Tensor | None = None
    own: Tensor | None = None
    person: Tensor | None = None
    front: Tensor | None = None
    layer: PersonLayer | None = None

    def displacement(self) -> Tensor:
        """Return flow minus its own identity, `[B, H, W, 2]`: the same for both grid conventions."""
        height, width = self.flow.shape[1:3]
        return self.flow - coordinate_grid(height, width, self.flow, corners=self.corners)

    def flow_on(self, side: int) -> Tensor:
        """Return the flow averaged over the cells of a coarser edge grid, `[B, side, side, 2]`.

        A loss needs the mean: every fine value counts, where `resize_flow` only samples.
        """
        planes = F.adaptive_avg_pool2d(self.displacement().permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)
        return planes + coordinate_grid(side, side, planes, corners=False)


def coordinate_grid(height: int, width: int, like: Tensor, *, corners: bool) -> Tensor:
    """Return the identity grid `[H, W, 2]` (x, y), on the device and in the floating type of `like`; not to be changed.

    Every frame needs a dozen small ones, so those are kept.
    """
    make = _kept_grid if height * width <= _KEPT_CELLS else _grid
    return make(height, width, like.device, like.dtype, corners)


def _grid(height: int, width: int, device: torch.device, dtype: torch.dtype, corners: bool) -> Tensor:
    with torch.inference_mode(False):  # a tensor made for inference could not serve training
        x = _axis(width, device, dtype, corners)
        y = _axis(height, device, dtype, corners)
        return torch.stack((x.view(1, -1).expand(height, -1), y.view(-1, 1).expand(-1, width)), dim=-1)


_kept_grid = lru_cache(maxsize=32)(_grid)


def _axis(length: int, device: torch.device, dtype: torch.dtype, corners: bool) -> Tensor:
    index = torch.arange(length, device=device, dtype=dtype)
    return 2.0 * index / (length - 1) - 1.0 if corners else (2.0 * index + 1.0) / length - 1.0


def gaussian_heatmap(value: Tensor, height: int, width: int, *, variance: float, corners: bool) -> Tensor:
    """Return one Gaussian bump per keypoint, `exp(-|z - p|^2 / (2 variance))`: `[B, K, 2]` to `[B, K, H, W]`."""
    grid = coordinate_grid(height, width, value, corners=corners)
    # The bump is separable: two short exponentials instead of H * W. Neither is let so far down that their product is a
    # denormal number: processors need many times as long for arithmetic on these.
    along_x = torch.exp((-0.5 * (grid[0, :, 0] - value[..., 0:1]).square() / variance).clamp_min(_LEAST))  # [B, K, W]
    along_y = torch.exp((-0.5 * (grid[:, 0, 1] - value[..., 1:2]).square() / variance).clamp_min(_LEAST))  # [B, K, H]
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)  # [B, K, H, W]


def full_precision(tensor: Tensor) -> Tensor:
    """Return half and bfloat16 tensors as float32 and others as they are: coordinates need all the bits."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def normalised_heatmaps(logits: Tensor, temperature: float) -> Tensor:
    """Return heatmaps that sum to 1 each, a softmax of `logits / temperature`, `[B, K, H, W]`, in float32 at least."""
    # Channels last, a softmax over places would lay them out anew.
    planes = full_precision(logits.contiguous().flatten(2))
    return F.softmax(planes / temperature, dim=2).view(logits.shape)


def expected_position(probability: Tensor, *, corners: bool) -> Tensor:
    """Return the mean coordinate of each heatmap (soft-argmax): `[B, K, H, W]` summing to 1, to `[B, K, 2]`."""
    height, width = probability.shape[2:]
    grid = coordinate_grid(height, width, probability, corners=corners)
    x = (probability.sum(2) * grid[0, :, 0]).sum(-1)  # [B, K]
    y = (probability.sum(3) * grid[:, 0, 1]).sum(-1)  # [B, K]
    return torch.stack((x, y), dim=-1)


def inverse_2x2(matrix: Tensor) -> Tensor:
    """Invert `[..., 2, 2]` matrices in closed form, far faster than a batched LAPACK call."""
    a, b = matrix[..., 0, 0], matrix[..., 0, 1]
    c, d = matrix[..., 1, 0], matrix[..., 1, 1]
    adjugate = torch.stack((torch.stack((d, -b), -1), torch.stack((-c, a), -1)), -2)
    return adjugate / (a * d - b * c)[..., None, None]


def sparse_motions(driving: Keypoints, source: Keypoints, height: int, width: int, *, corners: bool) -> Tensor:
    """Return the K local affine motions and, in slot 0, the identity for the background.

    Equation 4 of the paper: `T_k(z) = p_source + J_source J_driving^-1 (z - p_driving)`.

    Args:
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
        height: rows of the field.
        width: columns of the field.
        corners: the grid convention, see the module docstring.

    Returns:
        `[B, K + 1, H, W, 2]`, each a backward flow in [-1, 1].
    """
    grid = coordinate_grid(height, width, driving.value, corners=corners)
    batch = driving.value.shape[0]
    x, y = grid[0, :, 0], grid[:, 0, 1]  # [W], [H]
    offset_x = (x - driving.value[..., 0:1]).unsqueeze(-2)  # [B, K, 1, W]
    offset_y = (y - driving.value[..., 1:2]).unsqueeze(-1)  # [B, K, H, 1]
    start = source.value[..., None, None]  # [B, K, 2, 1, 1]
    if driving.jacobian is not None and source.jacobian is not None:
        local = _matmul_2x2(source.jacobian, inverse_2x2(driving.jacobian))[..., None, None]  # [B, K, 2, 2, 1, 1]
        # An affine map is a sum of a part along x and one along y: two small products and one sum of H * W.
        moved_x = (local[:, :, 0, 0] * offset_x + start[:, :, 0]) + local[:, :, 0, 1] * offset_y  # [B, K, H, W]
        moved_y = (local[:, :, 1, 0] * offset_x + start[:, :, 1]) + local[:, :, 1, 1] * offset_y  # [B, K, H, W]
    else:
        moved_x = (offset_x + start[:, :, 0]).expand(-1, -1, height, -1)
        moved_y = (offset_y + start[:, :, 1]).expand(-1, -1, -1, width)
    moved = torch.stack((moved_x, moved_y), dim=-1)  # [B, K, H, W, 2]
    return torch.cat((grid.expand(batch, 1, -1, -1, -1), moved), dim=1)


def _matmul_2x2(left: Tensor, right: Tensor) -> Tensor:
    """Multiply `[..., 2, 2]` matrices element by element: autocast would round a matrix product to bfloat16."""
    return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Resize maps bilinearly (align_corners False): `[B, C, h, w]` to `[B, C, H, W]`."""
    if maps.shape[2:] == (height, width):
        return maps
    return F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)


def resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    """Resize a flow field bilinearly (align_corners False): `[B, h, w, 2]` to `[B, H, W, 2]`."""
    return resize(flow.permute(0, 3, 1, 2), height, width).permute(0, 2, 3, 1)


def on_axes(points: Tensor, axes: Tensor) -> Tensor:
    """Return points `[..., 2]` on axes `[..., 2, 2]`; written out, because autocast would round a matrix product."""
    return (points.unsqueeze(-2) * axes).sum(-1)


def cells_between(low: Tensor, high: Tensor, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of a grid of `side` that hold all from one corner to another.

    Working on all others would take longer.

    Args:
        low: left and top, `[2]` in [-1, 1].
        high: right and bottom, likewise.
        side: cells along either side, corners not aligned.
    """
    cells = ((torch.stack((low, high)).detach() + 1) * (side / 2)).nan_to_num().clamp(0, side).int().tolist()
    (left, top), (right, bottom) = cells
    return slice(top, bottom + 1), slice(left, right + 1)
