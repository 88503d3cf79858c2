"""The tone of a photo: whether it has colours of its own, and what tint it has without.

What a model paints and draws, such as teeth and throat, has the colours of colour photos. A black-and-white photo has
none, a sepia one has a single tint for each lightness. So what is made up keeps its lightness, and of its colour the
part that the person in the photo has: chroma is told from lightness by a parabola, and what strays from that is colour.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as are the scales of blue and red differences
_BLUE, _RED = 0.564, 0.713
_NONE, _FULL = 1.0 / 255, 4.0 / 255  # deviation of chroma: JPEG's own in grey photos, and below any of 200 colour ones
_PERSON = 0.8  # matte from which a pixel counts
_FEWEST = 64  # pixels; of fewer nothing is told
_GROUND = 1e-6  # of the fit, so that a flat picture has one


@torch.no_grad()
def tone_of(source: Tensor, matte: Tensor) -> Tensor:
    """Return the tone of pictures `[B, 3, H, W]` in [0, 1] with their mattes `[B, 1, H, W]`: `[B, 7]`.

    The share of colour in [0, 1], then the tint: for blue and red difference the constant, the slope along lightness,
    and the square's.
    """
    tones = [_tone(picture[:, person[0] > _PERSON]) for picture, person in zip(source.float(), matte, strict=True)]
    return torch.stack(tones)


def _tone(pixels: Tensor) -> Tensor:
    """Return the tone of pixels `[3, N]`."""
    coloured = pixels.new_tensor([1.0, *[0.0] * 6])
    if pixels.shape[1] < _FEWEST:
        return coloured
    light, chroma = _split(pixels[None])
    powers = _powers(light[0, 0])  # [N, 3]
    normal = powers.T @ powers + _GROUND * len(powers) * torch.eye(3, device=pixels.device)
    fit = torch.linalg.solve(normal, powers.T @ chroma[0].T)  # [3, 2]
    stray = (chroma[0].T - powers @ fit).square().sum(1).mean().sqrt()
    share = ((stray - _NONE) / (_FULL - _NONE)).clamp(0, 1)
    return torch.cat((share[None], fit.T.flatten()))


def toned(made: Tensor, tone: Tensor) -> Tensor:
    """Return colours that were made up `[B, 3, H, W]` in the tone `[B, 7]` of their photos."""
    if bool((tone[:, 0] >= 1).all()):
        return made
    light, chroma = _split(made.float())
    share, fit = tone[:, 0].view(-1, 1, 1, 1), tone[:, 1:].view(-1, 2, 3)
    tint = torch.einsum("bcp,bhwp->bchw", fit, _powers(light[:, 0]))
    chroma = torch.lerp(tint, chroma, share)
    blue, red = light + chroma[:, :1] / _BLUE, light + chroma[:, 1:] / _RED
    green = (light - _LUMA[0] * red - _LUMA[2] * blue) / _LUMA[1]
    return torch.cat((red, green, blue), dim=1).clamp(0, 1).to(made.dtype)


def _split(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return lightness `[B, 1, ...]` and chroma `[B, 2, ...]` of colours `[B, 3, ...]`."""
    red, green, blue = pixels[:, :1], pixels[:, 1:2], pixels[:, 2:]
    light = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return light, torch.cat(((blue - light) * _BLUE, (red - light) * _RED), dim=1)


def _powers(light: Tensor) -> Tensor:
    return torch.stack((torch.ones_like(light), light, light.square()), dim=-1)
