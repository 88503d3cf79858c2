"""Eyes that shut, drawn from the flow: lashes and lid where the source's eyeball would show.

A lid that comes down is a fold, and a flow of cells two pixels wide cannot take an eye away altogether: between the
lids a sliver of white and iris is left, squeezed. But the flow and the source's keypoints tell which pixels show an
eyeball. As an eye shuts, they are drawn over: next to the upper lid in the colour of its lashes, the darkest that the
source has along that lid, and below in that of the skin under the eye.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.geometry.eye_shape import EyeShapes
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.parts.stage import Frame, Stage

_BEGIN, _END = 0.4, 0.2  # opening, relative to the source's, where the drawing begins to show and where it is complete
_NARROW, _OPEN = 0.1, 0.2  # half widths that the source's eye is open: up to where there is nothing to shut, and sure
_EDGE, _EDGE_BELOW, _FADE = 0.04, -0.12, 0.08  # half widths of lid left as they are inside of either lid; and blended
_DARK = (0.3, 0.85)  # from the upper to the lower lid: where the lashes end, and where skin is bare
_SKIN = 0.25  # half widths from the source's lower lid to its skin
_ENDS = 0.12  # of half the eye's width, over which all fades at the corners
_ALONG, _ACROSS = (-0.6, 0.6, 13), (-0.12, 0.16, 9)  # where the source's lashes are looked for: from, to, how often


def lash_map(displacement: Tensor, driving: Keypoints, source: Keypoints, picture: Tensor, side: int) -> Tensor | None:
    """Draw the eyes that are to be shut.

    Args:
        displacement: backward, `[B, 2, S, S]` in [-1, 1] units.
        driving: keypoints of the frame to make, `B` of them.
        source: keypoints of the source, `B` of them.
        picture: the source, `[B, 3, h, w]` in [0, 1].
        side: rows and columns of the planes.

    Returns:
        `[B, 4, side, side]` in float32 without gradient: how far a pixel is drawn and its colour there, all in [0, 1];
        None where no eye shuts.
    """
    now, before = EyeShapes.of(driving.value.detach().float()), EyeShapes.of(source.value.detach().float())
    left = now.opening / before.opening.clamp_min(_NARROW)  # [B, 2 eyes]
    shut = ((_BEGIN - left) / (_BEGIN - _END)).clamp(0, 1)
    shut = shut * ((before.opening - _NARROW) / (_OPEN - _NARROW)).clamp(0, 1)
    if not bool(shut.any()):
        return None
    rows, columns = now.box(side)
    grid = coordinate_grid(side, side, now.centre, corners=False)[rows, columns].expand(len(shut), -1, -1, -1)
    shift = F.grid_sample(displacement.detach().float(), grid, padding_mode="border", align_corners=False)
    x, y = before.places((grid + shift.permute(0, 2, 3, 1))[:, None])  # [B, 2 eyes, h, w] each
    upper, lower = before.lid_lines(x)
    inside = torch.minimum(y - upper - _EDGE, lower - _EDGE_BELOW - y) / _FADE
    cover = inside.clamp(0, 1) * ((1 - x.abs()) / _ENDS).clamp(0, 1) * shut[..., None, None]
    depth = ((y - upper) / (lower - upper).clamp_min(_NARROW) - _DARK[0]) / (_DARK[1] - _DARK[0])
    skin = before.seen(picture, x, lower + _SKIN)
    colour = torch.lerp(_lashes(before, picture)[..., None, None], skin, depth.clamp(0, 1)[:, None]) * cover[:, None]
    whole = cover.sum(1, keepdim=True)  # eyes do not overlap
    drawn = now.centre.new_zeros(len(cover), 4, side, side)
    drawn[:, :, rows, columns] = torch.cat((whole, colour.sum(2) / whole.clamp_min(1e-6)), dim=1)
    return drawn


def _lashes(before: EyeShapes, picture: Tensor) -> Tensor:
    """Return the colour of the lashes, `[B, 3, 2 eyes]`: the mean along the upper lid of what is darkest across it."""
    x = torch.linspace(*_ALONG, device=picture.device)[:, None]
    across = torch.linspace(*_ACROSS, device=picture.device)
    y = before.bulge[..., :1, None] * (1 - x.square()) + across  # [B, 2 eyes, X, Y]
    seen = before.seen(picture, x.expand_as(y), y)  # [B, 3, 2 eyes, X, Y]
    where = seen.mean(1, keepdim=True).argmin(-1, keepdim=True).expand(-1, 3, -1, -1, -1)
    return seen.gather(-1, where)[..., 0].mean(-1)


class LashStage(Stage):
    """Where eyes shut, lashes and lid are painted over the eyeball."""

    name, when = "lashes", "inference"

    def apply(self, frame: Frame) -> Frame:
        """Paint the lashes; what they cover of an iris is not copied."""
        moment = frame.moment
        lashes = lash_map(frame.displacement, moment.driving, moment.source, moment.picture, moment.side)
        if lashes is None or frame.own is None:
            return frame.under(lashes)
        return replace(frame, own=frame.own * (1 - lashes[:, :1])).under(lashes)
