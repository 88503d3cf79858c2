"""What every animation model can do, whatever its networks: detect keypoints, encode a source once, animate it.

The three calls follow the paper's split: `detect` is the keypoint detector (section 3.1), `encode` everything that
depends on the source alone, and `animate` the dense motion (equations 4 and 5) and the generator for each frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn

from fomm.config.settings import Settings
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.parts.sequence import StageSequence
from fomm.parts.stage import Source


@dataclass(frozen=True)
class EncodedSource:
    """Everything an animation needs from the source photo, computed once.

    Attributes:
        image: the source `[B, 3, H, W]`, RGB in [0, 1].
        features: what the generator warps and the dense motion reads; each tensor has B rows. The family decides.
        known: what else is known of the photo (`fomm.parts.stage`); None if the family finds nothing out.
    """

    image: Tensor
    features: tuple[Tensor, ...]
    known: Source | None = None

    @property
    def places(self) -> Tensor | None:
        """From where in the photo what is behind the person takes its texture, `[B, h, w, 2]`, or None."""
        return None if self.known is None else self.known.places

    def expand(self, batch: int) -> EncodedSource:
        """Repeat a single source (`B == 1`) to `batch` rows without copying."""
        return EncodedSource(
            self.image.expand(batch, -1, -1, -1),
            tuple(feature.expand(batch, *feature.shape[1:]) for feature in self.features),
            None if self.known is None else self.known.expand(batch),
        )


@dataclass(frozen=True)
class MirroredDetail:
    """Where frames show the mirrored source, and where that has its pixels from.

    Attributes:
        displacement: backward, in the mirrored source's coordinates, `[B, 2, h, w]` in [-1, 1] units.
        share: share of its warped pixels to trust, `[B, 1, H, W]` in [0, 1]; 0 where it is not shown.
        moved: the mirrored source's own pixels moved by the flow, `[B, 3, H, W]` in [0, 1].
    """

    displacement: Tensor
    share: Tensor
    moved: Tensor


@dataclass(frozen=True)
class GeneratedFrames:
    """A batch of generated frames.

    Attributes:
        image: frames `[B, 3, H, W]`, RGB in [0, 1].
        motion: the dense motion that made them; its resolution is the family's.
        visible: share of the warped source pixels to trust, `[B, 1, h, w]` in [0, 1]; 0 where the content was made up.
        moved: the source's own pixels moved by the flow, `[B, 3, H, W]` in [0, 1], if the family makes them anyway.
        behind: share of what is made up behind the person, as `EncodedSource.places` has it, `[B, 1, H, W]` in [0, 1].
        resting: share of the source's pixels that rest, likewise, where the person is a layer before them; None where
            all of the source moves by the flow.
        mirrored: what comes from the mirrored source, if anything does; the shares above leave it out.
    """

    image: Tensor
    motion: Motion
    visible: Tensor
    moved: Tensor | None = None
    behind: Tensor | None = None
    resting: Tensor | None = None
    mirrored: MirroredDetail | None = None

    def displacement(self) -> Tensor:
        """Return how the pixels that `visible` tells of moved, backward, `[B, 2, h, w]` in [-1, 1] units."""
        layer = self.motion.layer
        return self.motion.displacement().permute(0, 3, 1, 2) if layer is None else layer.displacement


@dataclass(frozen=True)
class TimedLayer:
    """A convolution whose time stands for others like it in a frame.

    Attributes:
        convolution: the layer.
        size: height and width of what it reads.
        share: how many layers like it there are, to weigh its time by.
        batch: frames that are computed together.
    """

    convolution: nn.Conv2d
    size: tuple[int, int]
    share: float
    batch: int = 1

    @classmethod
    def of(cls, block: nn.Module, size: tuple[int, int], share: float, batch: int = 1) -> Self:
        """Return the first convolution of a block."""
        return cls(next(part for part in block.modules() if isinstance(part, nn.Conv2d)), size, share, batch)


class AnimationModel(nn.Module, ABC):
    """Keypoints, dense motion and generator behind one interface; the paper's and the compact family both fit it.

    Attributes:
        config: the settings the networks were built from.
        detector: module `[B, 3, H, W]` in [0, 1] to `Keypoints`.
        stages: rules beside the networks.
    """

    config: Settings
    detector: nn.Module

    def __init__(self, config: Settings) -> None:
        super().__init__()
        self.config = config
        self.stages = self._all_stages()

    def _all_stages(self) -> StageSequence:
        """Return all stages of the model; a family without any has none."""
        return StageSequence()

    @property
    def all_stages(self) -> tuple[str, ...]:
        """Names of the stages that can be left out, whether they are or not."""
        return self._all_stages().names

    def leave_out(self, names: Collection[str]) -> None:
        """Leave out these stages and no others.

        Raises:
            SettingsError: the model has no stage of that name.
        """
        self.stages = self._all_stages().without(names)

    @abstractmethod
    def detect(self, image: Tensor) -> Keypoints:
        """Return the keypoints of each image `[B, 3, H, W]` in [0, 1]."""

    def look(self, image: Tensor) -> tuple[Keypoints, Tensor | None]:
        """Return what `detect` does, and how far two looks at each image disagree about the face.

        Returns:
            Keypoints `[B, K, 2]`, and `[B]` float32 in half sides of the image; None if the model looks only once.
        """
        return self.detect(image), None

    def find_person(self, image: Tensor) -> Tensor | None:
        """Return where the person is in images `[B, 3, H, W]`, `[B, 1, S, S]` in [0, 1]; None if the model cannot."""
        return None

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

    @abstractmethod
    def timed_layers(self) -> list[TimedLayer]:
        """Return the few convolutions that tell in which number type the whole model is fast."""
