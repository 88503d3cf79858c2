"""Paste-back: the generated square returns into the photo at the photo's own resolution.

A network that makes 256 px squares cannot know the pores of a 4000 px photo, but its dense motion can move them. For
every photo pixel inside the window,

    frame = up(generated) + visible * (photo moved by the flow - up(source moved by the flow)),

that is: the generated picture plus the fine detail the photo has beyond the model's resolution, wherever the network
says that the moved source can be trusted (`visible`). Where nothing moves and all is visible this is the photo itself,
so background and shoulders stay still to the pixel. Toward the window's edge the flow fades to nothing, so that cloth
and hair which reach over it bend instead of showing twice; only then does the result itself fade into the photo. What a
head uncovers gets the photo's detail from where its texture was taken, see `fomm.render.behind`.
"""

from __future__ import annotations

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fomm.config.refine import RefineSettings
from fomm.geometry.grids import coordinate_grid, resize
from fomm.model.interface import GeneratedFrames, MirroredDetail
from fomm.render.animator import Image, Portrait
from fomm.render.behind import fine_texture, texture_share
from fomm.render.resample import Resampler

_CALM = 0.3  # of the soft edge, its outer part: there nothing moves, and pictures are mixed
_RISEN = _CALM**2 * (3 - 2 * _CALM)  # how far the whole edge has risen where that part ends
_BAND = 48  # rows that are worked on together, few enough for the cache


class PasteBack:
    """Composes full-resolution frames of one portrait; what does not change from frame to frame is computed once.

    Args:
        portrait: the photo, its window and its features.
        settings: how.
    """

    def __init__(self, portrait: Portrait, settings: RefineSettings) -> None:
        self.settings, self.leave = settings, portrait.leave
        self._photo = portrait.photo
        self._window_side = portrait.window.side
        source = portrait.encoded.image
        self._source = source[:1].float()  # [1, 3, S, S]
        height, width = portrait.photo.shape[:2]
        x0, y0, x1, y1 = self._bounds = portrait.window.bounds(height, width)
        device = source.device
        shown = portrait.canvas
        left, top, right, bottom = shown.window.bounds(*shown.picture.shape[:2])
        region = torch.from_numpy(shown.picture[top:bottom, left:right].copy()).to(device)  # the photo is read-only
        self._region = region.permute(2, 0, 1)[None].float()  # [1, 3, H, W] in [0, 255], H >= h and W >= w
        soft, calm = (
            portrait.window.edge_mask(height, width, softness).to(device)[None, None]  # [1, 1, h, w]
            for softness in (settings.edge, _CALM * settings.edge)
        )
        self._mask, self._freedom = calm, ((soft - _RISEN) / (1 - _RISEN)).clamp_min(0)
        self._side = min(source.shape[-1], round(portrait.window.side))  # of the planes that are resampled
        grid = portrait.window.to_window_grid(height, width).to(device)  # [h, w, 2]
        self._resample = Resampler(grid, self._side)
        pasted = settings.detail and not settings.crop_only
        self._texture = fine_texture(portrait, grid, self._resample, self._side) if pasted else None
        # Window coordinates of the region's own edges turn window displacements into region coordinates.
        side = portrait.window.side
        to_region = torch.tensor([side / (right - left), side / (bottom - top)], device=device)
        self._to_region = to_region[None, :, None, None]  # [1, 2, 1, 1]
        across = -2 * grid[0, :, 0] * to_region[0]  # from a place to its mirror image in the window
        self._across = torch.stack((across, torch.zeros_like(across)))[None, :, None]  # [1, 2, 1, w]
        row, column = y0 + shown.top - top, x0 + shown.left - left  # where the photo begins in the region
        inner = (slice(row, row + y1 - y0), slice(column, column + x1 - x0))
        self._plain = self._region[:, :, *inner]  # [1, 3, h, w], what the photo itself shows
        self._identity = coordinate_grid(bottom - top, right - left, self._region, corners=False)[inner][None]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the composed frames in pixels."""
        if self.settings.crop_only:
            return self._source.shape[3], self._source.shape[2]
        return self._photo.shape[1], self._photo.shape[0]

    @torch.inference_mode()
    def compose(self, made: GeneratedFrames) -> NDArray[np.uint8]:
        """Return uint8 `[B, H, W, 3]`: the photo with the generated faces in it, or the plain squares."""
        if self.settings.crop_only:
            return _to_pixels(made.image)
        displacement = made.displacement().float()  # [B, 2, s, s]
        side = self._source.shape[-1]
        coarse = resize(displacement, side, side)
        moved = self._move_source(coarse) if made.moved is None else made.moved.float()
        share = resize(made.visible.float(), side, side) * self.settings.detail
        base = made.image.float() - share * moved
        if made.mirrored is not None:
            base = base - made.mirrored.share * self.settings.detail * made.mirrored.moved
        resting = None
        if made.resting is not None:
            resting = made.resting.float() * self.settings.detail
            base = base - resting * self._source
        base = base * 255
        none = torch.zeros_like(share)
        behind = none
        if self._texture is not None and made.behind is not None:
            behind = made.behind.float()
            if made.resting is None:  # what is behind the person moves by the one flow that there is
                behind = texture_share(behind, coarse, self._window_side)
        parts = (base, share, coarse * self._to_region, none if resting is None else resting)
        planes = torch.cat((*parts, behind * self.settings.detail), dim=1)  # [B, 8, S, S]
        far = None if made.mirrored is None else self._far_planes(made.mirrored)
        frames = [
            self._compose_one(planes[i : i + 1], None if far is None else far[i : i + 1]) for i in range(len(planes))
        ]
        return frames[0][None] if len(frames) == 1 else np.stack(frames)

    def _move_source(self, displacement: Tensor) -> Tensor:
        side = self._source.shape[-1]
        flow = displacement.permute(0, 2, 3, 1) + coordinate_grid(side, side, displacement, corners=False)
        source = self._source.expand(len(flow), -1, -1, -1)
        return F.grid_sample(source, flow, padding_mode="border", align_corners=False)

    def _far_planes(self, mirrored: MirroredDetail) -> Tensor:
        """Return the mirrored source's share and its displacement in the region's coordinates, `[B, 3, S, S]`.

        It is what comes on top of `self._across`.
        """
        side = self._source.shape[-1]
        moved = resize(mirrored.displacement, side, side)
        moved = moved * moved.new_tensor((-1.0, 1.0))[:, None, None] * self._to_region  # the photo is not mirrored
        return torch.cat((mirrored.share * self.settings.detail, moved), dim=1)

    def _compose_one(self, planes: Tensor, far: Tensor | None) -> NDArray[np.uint8]:
        """Return one frame uint8 `[H, W, 3]` from its planes `[1, 8, S, S]` at the model's resolution.

        They are the generated picture without the source's part, the moved source's share, its displacement in the
        region's coordinates, the resting source's share, and that of the texture behind the person. `far`
        `[1, 3, S, S]` has share and displacement of the mirrored source. All go up to the photo's resolution in one
        sampling.
        """
        if far is not None:
            planes = torch.cat((far, planes), dim=1)
        side = planes.shape[-1]
        if self._side < side:  # a photo coarser than the model: sampling alone would alias
            size = (self._side, self._side)
            planes = F.interpolate(planes, size=size, mode="bilinear", align_corners=False, antialias=True)
        planes = self._resample(planes[0])[None]  # [1, 8 or 11, h, w]
        if far is not None:
            far, planes = planes[:, :3], planes[:, 3:]
        frame = self._photo.copy()
        x0, y0, x1, y1 = self._bounds
        for top in range(0, y1 - y0, _BAND):
            rows = slice(top, min(top + _BAND, y1 - y0))
            part = None if far is None else far[:, :, rows]
            frame[y0 + rows.start : y0 + rows.stop, x0:x1] = self._blend(planes[:, :, rows], part, rows)
        return frame

    def _blend(self, planes: Tensor, far: Tensor | None, rows: slice) -> Image:
        """Return some rows of the pasted region, uint8 `[h, w, 3]`.

        `planes` `[1, 8, h, w]` and `far` `[1, 3, h, w]` are theirs.
        """
        base, share, shift = planes[:, :3], planes[:, 3:4].clamp(0, 1), planes[:, 4:6] * self._freedom[:, :, rows]
        detail = self._sample_photo(shift, rows).mul_(share).add_(base)
        if far is not None:
            detail.addcmul_(self._sample_photo(far[:, 1:] + self._across, rows), far[:, :1].clamp(0, 1))
        detail.addcmul_(self._plain[:, :, rows], planes[:, 6:7].clamp(0, 1))
        if self._texture is not None:
            detail.addcmul_(self._texture[:, :, rows], planes[:, 7:])
        pixels: Image = _to_bytes(torch.lerp(self._plain[:, :, rows], detail, self._mask[:, :, rows]))[0]
        return pixels

    def _sample_photo(self, shift: Tensor, rows: slice) -> Tensor:
        """Return the photo's pixels, `[1, 3, h, w]` in [0, 255], that rows moved by `[1, 2, h, w]` show."""
        where = self._identity[:, rows] + shift.permute(0, 2, 3, 1)
        return F.grid_sample(self._region, where, mode="bicubic", padding_mode="border", align_corners=False)


def enlarge(photo: Image, scale: float) -> Image:
    """Resize a photo uint8 `[H, W, 3]` by a factor above 1, smoothly."""
    height, width = photo.shape[:2]
    size = (round(width * scale), round(height * scale))
    return np.asarray(PIL.Image.fromarray(photo).resize(size, PIL.Image.Resampling.LANCZOS))


def _to_pixels(image: Tensor) -> NDArray[np.uint8]:
    """Round `[B, 3, H, W]` in [0, 1] to uint8 `[B, H, W, 3]`."""
    return _to_bytes(image.float() * 255)


def _to_bytes(image: Tensor) -> NDArray[np.uint8]:
    """Round `[B, 3, H, W]` in [0, 255], which is overwritten, to uint8 `[B, H, W, 3]`."""
    pixels = image.clamp_(0, 255).round_().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
