"""What every animation model can do, whatever its networks: detect keypoints, encode a source once, animate it.

The three calls follow the paper's split: `detect` is the keypoint detector (section 3.1), `encode` everything that
depends on the source alone, and `animate` the dense motion (equations 4 and 5) and the generator for each frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from fomm.nn.geometry import Keypoints, Motion

if TYPE_CHECKING:
    from fomm.nn.config import ModelConfig


@dataclass(frozen=True)
class EncodedSource:
    """Everything an animation needs from the source photo, computed once.

    Attributes:
        image: the source `[B, 3, H, W]`, RGB in [0, 1].
        features: what the generator warps and the dense motion reads; each tensor has B rows. The family decides.
    """

    image: Tensor
    features: tuple[Tensor, ...]

    def expand(self, batch: int) -> EncodedSource:
        """Repeat a single source (`B == 1`) to `batch` rows without copying."""
        return EncodedSource(
            self.image.expand(batch, -1, -1, -1),
            tuple(feature.expand(batch, *feature.shape[1:]) for feature in self.features),
        )


@dataclass(frozen=True)
class GeneratedFrames:
    """A batch of generated frames.

    Attributes:
        image: frames `[B, 3, H, W]`, RGB in [0, 1].
        motion: the dense motion that made them; its resolution is the family's.
        visible: share of the warped source pixels to trust, `[B, 1, h, w]` in [0, 1]; 0 where the content was made up.
    """

    image: Tensor
    motion: Motion
    visible: Tensor


class AnimationModel(nn.Module, ABC):
    """Keypoints, dense motion and generator behind one interface; the paper's and the compact family both fit it.

    Attributes:
        config: the model part of the configuration the networks were built from.
        detector: module `[B, 3, H, W]` in [0, 1] to `Keypoints`.
    """

    config: ModelConfig
    detector: nn.Module

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def detect(self, image: Tensor) -> Keypoints:
        """Return the keypoints of each image `[B, 3, H, W]` in [0, 1]."""

    @abstractmethod
    def encode(self, source: Tensor) -> EncodedSource:
        """Compute all that depends on the source `[B, 3, H, W]` in [0, 1] only."""

    @abstractmethod
    def animate(self, encoded: EncodedSource, driving: Keypoints, source: Keypoints) -> GeneratedFrames:
        """Generate one frame per row of `driving`.

        Args:
            encoded: result of `encode`, with one row or as many as `driving`.
            driving: keypoints of the frames to make, `[B, K, 2]`.
            source: keypoints of the source, with one row or as many as `driving`.
        """
