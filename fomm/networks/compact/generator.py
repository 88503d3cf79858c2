"""Generator of the compact model: copy what the source shows, synthesise only what it hides.

The source is encoded once at three scales. Per frame, each scale is warped by the flow, faded by the occlusion map
and fed to a decoder that works at half resolution. Its last layer predicts, for each 2x2 block of the output, colours
and a blend mask; the mask mixes the synthesised colours with the source's own warped pixels. Copied pixels keep their
texture, so a small network gives a sharp picture. Where the source hides what belongs somewhere, the decoder is offered
a smooth continuation of the visible surroundings instead (`hidden_fill`): across the width of a head a small network
does not see them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.geometry.grids import resize
from fomm.geometry.motion import Motion, PersonLayer
from fomm.geometry.warping import warp
from fomm.networks.compact.blocks import ConvBlock, ResidualBlock, blocks_of
from fomm.parts.fill import Filled, fill_hidden, fill_layers
from fomm.parts.mouth import CHANNELS, opened
from fomm.source.tone import toned

_BEHIND = (
    0.3  # part of what the network would paint over an inpainted background that is not: its safest colours are a haze
)


@dataclass(frozen=True)
class Blend:
    """What the decoder says about a frame.

    Attributes:
        image: the blended frame `[B, 3, H, W]` in [0, 1].
        synthesised: colours of the network alone, `[B, 3, H, W]` in [0, 1].
        warped: pixels of the source alone, `[B, 3, H, W]`.
        visible: share of `warped` in `image`, `[B, 1, H, W]` in [0, 1].
        offered: `warped`, filled where the source hides what belongs there, if the generator fills.
        copied: share of `offered` in `image`, `[B, 1, H, W]` in [0, 1]; the rest is `synthesised`.
        behind: where what is behind the person belongs and the source does not show it, likewise, if a background is
            made up.
        resting: share of the source as it rests in `image`, likewise, where the person is a layer before it.
    """

    image: Tensor
    synthesised: Tensor
    warped: Tensor
    visible: Tensor
    offered: Tensor
    copied: Tensor
    behind: Tensor | None = None
    resting: Tensor | None = None


class CompactGenerator(nn.Module):
    """Encode a source once, then decode one frame per motion.

    Args:
        width: channels at half resolution; doubled at a quarter and again at an eighth.
        blocks: residual blocks at an eighth of the resolution.
        motion_width: channels of `Motion.features`.
        fill: whether hidden places are filled before the decoder sees them; its motions must say what is shown.
        mouth: whether it reads `Motion.mouth`.
        copying: raises the share of copied pixels once training is over: a constant on its logit, but not inside a
            mouth that the source shows shut, where there is nothing to copy. The share that gives the smallest error
            is not the one that keeps a face sharpest.
    """

    def __init__(self, width: int, blocks: int, motion_width: int, fill: bool, mouth: bool, copying: float) -> None:
        super().__init__()
        self.fill, self.mouth, self.copying = fill, mouth, copying
        half, quarter, eighth = width, 2 * width, 4 * width
        self.encode_half = ConvBlock(12, half)
        self.encode_quarter = nn.Sequential(ConvBlock(half, quarter, stride=2), ResidualBlock(quarter))
        self.encode_eighth = nn.Sequential(ConvBlock(quarter, eighth, stride=2), ResidualBlock(eighth))
        self.read_motion = ConvBlock(motion_width, eighth, stride=2)
        self.decode_eighth = nn.Sequential(*(ResidualBlock(eighth) for _ in range(blocks)))
        self.shrink_eighth = ConvBlock(eighth, quarter)
        self.decode_quarter = ConvBlock(2 * quarter + motion_width, quarter)
        self.shrink_quarter = ConvBlock(quarter, half)
        self.decode_half = nn.Sequential(
            ConvBlock(2 * half + 12 + (CHANNELS if mouth else 0), half), ConvBlock(half, half)
        )
        self.paint = nn.Conv2d(half, 16, 3, padding=1)
        nn.init.normal_(self.paint.weight, std=0.01)
        with torch.no_grad():
            self.paint.bias.zero_()  # type: ignore[union-attr]
            self.paint.bias[12:] = 2.0  # type: ignore[index]

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features at 1/2, 1/4 and 1/8 of the resolution for `[B, 3, H, W]` in [0, 1]."""
        half = self.encode_half(blocks_of(source, 2))
        quarter = self.encode_quarter(half)
        return half, quarter, self.encode_eighth(quarter)

    def decode(
        self,
        source: Tensor,
        features: tuple[Tensor, ...],
        motion: Motion,
        inpainted: Tensor | None = None,
        tone: Tensor | None = None,
    ) -> Blend:
        """Make frames.

        Args:
            source: the image `[B, 3, H, W]`.
            features: what `encode` made of it.
            motion: how it moves.
            inpainted: the inpainted background, `[B, 3, H, W]`, if there is one.
            tone: of the source, `[B, 7]` (`fomm.source.tone`), that what is made up is to have; None leaves it as it
                is.
        """
        if motion.features is None or motion.occlusion is None:
            raise ValueError("The compact generator needs motion features and an occlusion map.")
        half, quarter, eighth = features
        displacement = motion.displacement().permute(0, 3, 1, 2)  # [B, 2, S, S]
        behind, layer = None, motion.layer
        if layer is not None and inpainted is not None:
            displacement = layer.displacement
            warped = warp(source, displacement, padding="reflection")
        elif inpainted is None:
            warped = warp(source, displacement)  # [B, 3, H, W]
        else:  # beyond the frame's edge, a mirrored wall looks more like a wall than its last column drawn out does
            both = warp(torch.cat((source, inpainted.to(source.dtype)), dim=1), displacement, padding="reflection")
            warped, behind = both.chunk(2, dim=1)
        if layer is not None and inpainted is not None:
            filled = fill_layers(warped, motion, source, inpainted)
        else:
            filled = fill_hidden(warped, motion, behind) if self.fill else Filled(warped, None)
        x = _moved(eighth, displacement, layer) * _resize(motion.occlusion, eighth)
        x = self.decode_eighth(x + _resize(self.read_motion(motion.features), eighth))  # [B, 4w, H/8, W/8]
        x = F.interpolate(self.shrink_eighth(x), scale_factor=2.0, mode="nearest")
        skip = _moved(quarter, displacement, layer) * _resize(motion.occlusion, quarter)
        x = self.decode_quarter(torch.cat((x, skip, _resize(motion.features, quarter)), dim=1))  # [B, 2w, H/4, W/4]
        x = F.interpolate(self.shrink_quarter(x), scale_factor=2.0, mode="nearest")
        skip = _moved(half, displacement, layer) * _resize(motion.occlusion, half)
        pixels = F.pixel_unshuffle(filled.image, 2).to(x.dtype, memory_format=torch.channels_last)  # [B, 12, H/2, W/2]
        parts = [x, skip, pixels]
        if self.mouth:
            if motion.mouth is None:
                raise ValueError("This generator needs motions that say where the mouth is.")
            # In another layout than the rest, it would make `cat` lay out all of them anew.
            parts.append(_resize(motion.mouth, half).contiguous(memory_format=torch.channels_last))  # [B, 6, H/2, W/2]
        x = self.decode_half(torch.cat(parts, dim=1))  # [B, w, H/2, W/2]
        return self._blend(self.paint(x).float(), motion, warped, filled, tone)

    def _blend(
        self, painted: Tensor, motion: Motion, warped: Tensor, filled: Filled, tone: Tensor | None = None
    ) -> Blend:
        """Return the frame from what the network says, `[B, 16, H/2, W/2]`, and the moved source, plain and filled."""
        if self.copying and not self.training:
            more = self.copying if motion.mouth is None else self.copying * (1 - _resize(opened(motion.mouth), painted))
            painted[:, 12:] += more
        painted = torch.sigmoid(F.pixel_shuffle(painted, 2))  # [B, 4, H, W]
        synthesised, copied, offered = painted[:, :3], painted[:, 3:], filled.image
        if filled.behind is not None and not self.training:
            copied = copied + (1 - copied) * (_BEHIND * filled.behind)
        if motion.drawn is not None and not self.training:
            drawn = _resize(motion.drawn, painted)
            cover = drawn[:, :1]  # [B, 1, H, W]
            synthesised = torch.lerp(synthesised, drawn[:, 1:], cover)
            copied = copied * (1 - cover)
        if tone is not None and not self.training:
            synthesised = toned(synthesised, tone)
        own = None
        if motion.own is not None and not self.training:
            mouth = _resize(motion.own, painted)
            own, hidden = mouth[:, :1], mouth[:, 1:]  # [B, 1, H, W] each
            copied = copied * (1 - hidden)
        if filled.person is not None:
            visible = copied * filled.person
        else:
            visible = copied if motion.shown is None else copied * _resize(motion.shown, copied)
        if own is not None:  # whatever the network thinks of it
            copied, visible = (torch.lerp(share, torch.ones_like(own), own) for share in (copied, visible))
            offered = torch.lerp(offered, warped, own.to(offered.dtype))
        if not self.fill:
            copied = visible
        image = torch.lerp(synthesised, offered, copied)
        resting = None if filled.resting is None else copied * filled.resting
        return Blend(image, synthesised, warped, visible, offered, copied, filled.behind, resting)


def _moved(features: Tensor, displacement: Tensor, layer: PersonLayer | None) -> Tensor:
    """Return features `[B, C, h, w]` as they move, the person's before those that rest if there are two layers."""
    moved = warp(features, displacement)
    return moved if layer is None else layer.over(moved, features)


def _resize(x: Tensor, like: Tensor) -> Tensor:
    """Resize `[B, C, h, w]` to the sides and type of `like`."""
    return resize(x, like.shape[2], like.shape[3]).to(like.dtype)
