"""Random views of paired clips: position, mirror, backdrop and colour, with the truth transformed alongside.

A view is an affine map `u_in = A u_out + t` from the new picture to the old one, in [-1, 1] edge coordinates. Landmarks
move by its inverse; the flow of a pair seen through maps (A_s, t_s) and (A_d, t_d) becomes
`f'(u) = A_s^-1 (f(A_d u + t_d) - t_s)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.augment import AugmentSettings
from fomm.geometry.affine import inverse_2x2
from fomm.geometry.grids import coordinate_grid
from fomm.training.augment.bend import bent, random_bend, straighten
from fomm.training.data.labelled_clips import TransferBatch


@dataclass(frozen=True)
class TransferSample:
    """A batch ready for the losses: its first rows drive themselves, its last ones are driven by the other person.

    Attributes:
        split: the first row that is driven across.
        clean: source and driving picture of person 0, to warp and to compare with, `[B, 2, 3, S, S]` in [0, 1].
        seen: what the detector sees, with noise, blur and colour of its own, in the order of `looked_at`,
            `[2 B + 2 (B - split), 3, S, S]`.
        flow: `[B, 64, 64, 2]`, person 0, driving to source, in [-1, 1].
        valid: float `[B, 64, 64]`, 1 where the flow is true.
        person: where person 0 is at both moments, float `[B, 2, 64, 64]` in [0, 1].
        landmarks: of all four moments in `TransferBatch`'s order, `[B, 4, 468, 2]` in [-1, 1].
        irises: `[B, 4, 10, 2]`, NaN where unknown.
        axes: `[B, 2, 2]`, turns displacements of person 1 into those of person 0.
        mirrored: bool `[B]`.
    """

    split: int
    clean: Tensor
    seen: Tensor
    flow: Tensor
    valid: Tensor
    person: Tensor
    landmarks: Tensor
    irises: Tensor
    axes: Tensor
    mirrored: Tensor


def augment(
    batch: TransferBatch, settings: AugmentSettings, side: int, generator: torch.Generator, self_driven: int
) -> TransferSample:
    """Return a random view of `batch` with pictures of `side` pixels; `generator` alone decides the randomness.

    The first `self_driven` rows drive themselves, so their person 1 is left out. Only they may get extra motion of the
    whole frame: the partner that drives the others has no part in it.
    """
    count = len(batch.frames)
    frames = looked_at(batch.frames, self_driven).float().div(255)  # [N, 3, 256, 256]
    if side < frames.shape[-1]:
        frames = F.interpolate(frames, size=(side, side), mode="area")  # [N, 3, S, S]
    frames = _replace_backdrop(frames, batch.person, settings.backdrop, generator, self_driven)
    mirrored = torch.rand(count, generator=generator) < settings.mirror
    linear, shift = _random_views(count, mirrored, settings, generator, self_driven)
    bend = random_bend(count, settings.bend, generator, self_driven) if settings.bend else None
    seen_bend = None if bend is None else looked_at(bend, self_driven)
    pictures = _view(frames, looked_at(linear, self_driven), looked_at(shift, self_driven), seen_bend)
    inverse = inverse_2x2(linear)  # [B, 4, 2, 2]
    landmarks, irises = (
        (straighten(points, bend) - shift[:, :, None]) @ inverse.transpose(-1, -2)
        for points in (batch.landmarks, batch.irises)
    )
    flow, valid = _view_flow(batch, linear, shift, inverse, bend)
    person = _view(
        batch.person[:, :2].flatten(0, 1)[:, None].float(),
        linear[:, :2].flatten(0, 1),
        shift[:, :2].flatten(0, 1),
        None if bend is None else bend[:, :2].flatten(0, 1),
    ).view(count, 2, *batch.person.shape[2:])
    pictures = _colour(pictures, _draw_colour(count, settings, generator, shared=True), self_driven)
    clean = pictures[: 2 * count].view(count, 2, 3, side, side)
    seen = _colour(pictures, _draw_colour(count, settings, generator, shared=False), self_driven)
    seen = _degrade(seen, settings, generator)
    axes = inverse[:, 0] @ linear[:, 2]
    return TransferSample(self_driven, clean, seen, flow, valid, person, landmarks, irises, axes, mirrored)


def looked_at(x: Tensor, split: int) -> Tensor:
    """Return what belongs to the pictures that are looked at, of `[B, 4, ...]`: `[2 B + 2 (B - split), ...]`.

    They are source and driving moment of person 0 for every row, then those of person 1 from row `split` on.
    """
    return torch.cat((x[:, :2].flatten(0, 1), x[split:, 2:].flatten(0, 1)))


def _uniform(shape: tuple[int, ...], limit: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) * 2 - 1) * limit


def _random_views(
    count: int, mirrored: Tensor, settings: AugmentSettings, generator: torch.Generator, self_driven: int
) -> tuple[Tensor, Tensor]:
    """Return maps `[B, 4, 2, 2]` and shifts `[B, 4, 2]`; the moments of one person share theirs but for a jolt."""
    scale = torch.exp(_uniform((count, 2), settings.scale, generator))
    angle = _uniform((count, 2), math.radians(settings.rotation), generator)
    linear = _similarity(scale, angle)  # [B, 2, 2, 2]
    linear[..., 0] *= torch.where(mirrored, -1.0, 1.0)[:, None, None]
    shift = _uniform((count, 2, 2), settings.shift, generator)
    linear, shift = linear.repeat_interleave(2, dim=1), shift.repeat_interleave(2, dim=1)
    jolted = (torch.rand(count, generator=generator) < 0.3).float()
    jolted[self_driven:] = 0
    jolt = _similarity(
        torch.exp(_uniform((count,), settings.moment, generator) * jolted),
        _uniform((count,), settings.moment, generator) * jolted,
    )
    linear[:, 1] = linear[:, 1] @ jolt
    shift[:, 1] += _uniform((count, 2), settings.moment, generator) * jolted[:, None]
    return linear, shift


def _similarity(scale: Tensor, angle: Tensor) -> Tensor:
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    return torch.stack((torch.stack((cos, -sin), -1), torch.stack((sin, cos), -1)), -2)


def _view(frames: Tensor, linear: Tensor, shift: Tensor, bend: Tensor | None) -> Tensor:
    """Sample `[N, C, H, W]` through its maps."""
    height, width = frames.shape[2:]
    grid = coordinate_grid(height, width, frames, corners=False)
    where = torch.einsum("nij,hwj->nhwi", linear, grid) + shift[:, None, None]
    where = bent(where.flatten(1, 2), bend).view_as(where)
    return F.grid_sample(frames, where, padding_mode="reflection", align_corners=False)


def _view_flow(
    batch: TransferBatch, linear: Tensor, shift: Tensor, inverse: Tensor, bend: Tensor | None
) -> tuple[Tensor, Tensor]:
    side = batch.flow.shape[1]
    source_bend, driving_bend = (None, None) if bend is None else (bend[:, 0], bend[:, 1])
    grid = coordinate_grid(side, side, batch.flow, corners=False)
    where = torch.einsum("bij,hwj->bhwi", linear[:, 1], grid) + shift[:, 1, None, None]
    where = bent(where.flatten(1, 2), driving_bend).view_as(where)
    # The displacement is interpolated, not the flow: it stays smooth up to the frame's border.
    planes = torch.cat(((batch.flow - grid).permute(0, 3, 1, 2), batch.valid[:, None].float()), dim=1)
    sampled = F.grid_sample(planes, where, padding_mode="zeros", align_corners=False)
    flow = sampled[:, :2].permute(0, 2, 3, 1) + where  # [B, S, S, 2]
    flow = straighten(flow.flatten(1, 2), source_bend).view_as(flow) - shift[:, 0, None, None]
    return torch.einsum("bij,bhwj->bhwi", inverse[:, 0], flow), (sampled[:, 2] > 0.99).float()


def _replace_backdrop(
    frames: Tensor, person: Tensor, probability: float, generator: torch.Generator, split: int
) -> Tensor:
    """Put some people before a flat colour, a gradient or another picture; both moments of a person share it."""
    count = len(person)
    chosen = torch.rand(count, 2, generator=generator) < probability
    corner = torch.rand(count, 2, 3, 2, 2, generator=generator)
    flat = torch.rand(count, 2, generator=generator) < 0.5
    corner = torch.where(flat[:, :, None, None, None], corner.mean((-1, -2), keepdim=True), corner)
    borrowed = torch.rand(count, 2, generator=generator) < 0.3
    donor = torch.randint(len(frames), (count, 2), generator=generator)
    chosen, corner, borrowed, donor = (
        looked_at(x.repeat_interleave(2, dim=1), split) for x in (chosen, corner, borrowed, donor)
    )
    (rows,) = chosen.nonzero(as_tuple=True)
    size = frames.shape[2:]
    paint = F.interpolate(corner[rows], size=size, mode="bilinear", align_corners=False)
    paint = torch.where(borrowed[rows, None, None, None], frames[donor[rows]], paint)
    matte = F.interpolate(looked_at(person, split)[rows, None].float(), size=size, mode="bilinear")
    frames[rows] = torch.lerp(paint, frames[rows], matte)
    return frames


@dataclass(frozen=True)
class _Colours:
    """Changes of colour, for every picture of `[B, 4]`: gain `[B, 4, 3]`, contrast and whether it is grey `[B, 4]`."""

    gain: Tensor
    contrast: Tensor
    grey: Tensor


def _draw_colour(count: int, settings: AugmentSettings, generator: torch.Generator, *, shared: bool) -> _Colours:
    """Draw changes of gain, contrast and saturation; `shared` treats both moments of a person alike."""
    shape = (count, 2 if shared else 4)
    limit = settings.colour if shared else settings.colour / 2
    gain = 1 + _uniform((*shape, 3), limit / 2, generator) + _uniform((*shape, 1), limit / 2, generator)
    contrast = 1 + _uniform(shape, limit, generator)
    grey = torch.rand(shape, generator=generator) < settings.grey
    times = 4 // shape[1]
    return _Colours(*(x.repeat_interleave(times, dim=1) for x in (gain, contrast, grey)))


def _colour(pictures: Tensor, colours: _Colours, split: int) -> Tensor:
    """Return pictures `[N, 3, S, S]` with their colours changed."""
    gain, contrast, grey = (looked_at(x, split) for x in (colours.gain, colours.contrast, colours.grey))
    pictures = torch.where(grey[:, None, None, None], pictures.mean(1, keepdim=True), pictures)
    mean = pictures.mean((1, 2, 3))[:, None]
    scale, offset = gain * contrast[:, None], gain * mean * (1 - contrast[:, None])  # [N, 3]
    return torch.addcmul(offset[..., None, None], pictures, scale[..., None, None]).clamp_(0, 1)


def _degrade(pictures: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Blur some pictures `[N, 3, S, S]` and put noise on all."""
    side = pictures.shape[-1]
    (blurred,) = (torch.rand(len(pictures), generator=generator) < settings.blur).nonzero(as_tuple=True)
    half = F.interpolate(pictures[blurred], size=(side // 2, side // 2), mode="area")
    pictures[blurred] = F.interpolate(half, size=(side, side), mode="bilinear")
    strength = torch.rand(len(pictures), 1, 1, 1, generator=generator) * settings.noise
    noise = torch.randn(pictures.shape, generator=generator)
    return pictures.addcmul_(noise, strength).clamp_(0, 1)
