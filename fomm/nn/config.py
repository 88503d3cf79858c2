"""Typed configuration in the layout of the paper's YAML files, which load unchanged.

One dataclass per section, named after its YAML key. A key that does not exist is refused by name, with the nearest
one that does. `model_params.family` chooses the networks: `paper` (default) or `compact`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fomm.settings import Settings, option


@dataclass(frozen=True)
class CommonParams(Settings):
    """What detector and generator must agree on."""

    num_kp: int = option(10, "Number of keypoints.", low=1, high=256)
    num_channels: int = option(3, "Image channels.", low=3, high=3)
    estimate_jacobian: bool = option(True, "First-order motion (a 2x2 Jacobian per keypoint), not only positions.")


@dataclass(frozen=True)
class KeypointParams(Settings):
    """The keypoint detector's hourglass and heads."""

    block_expansion: int = option(32, "Base width of the hourglass.", low=1, high=1024)
    max_features: int = option(1024, "Upper limit of the width.", low=1, high=8192)
    num_blocks: int = option(5, "Depth of the hourglass.", low=1, high=8)
    scale_factor: float = option(0.25, "Resolution the detector works at, relative to its input.", low=0.0625, high=1.0)
    temperature: float = option(0.1, "Temperature of the heatmap softmax.", low=1e-4, high=100.0)
    single_jacobian_map: bool = option(False, "One Jacobian map shared by all keypoints.")
    pad: int = option(0, "Padding of the 7x7 heads in pixels.", low=0, high=3)


@dataclass(frozen=True)
class DenseMotionParams(Settings):
    """The network that blends the sparse motions into a dense one."""

    block_expansion: int = option(64, "Base width of the hourglass.", low=1, high=1024)
    max_features: int = option(1024, "Upper limit of the width.", low=1, high=8192)
    num_blocks: int = option(5, "Depth of the hourglass.", low=1, high=8)
    scale_factor: float = option(0.25, "Resolution of the dense motion, relative to its input.", low=0.0625, high=1.0)
    kp_variance: float = option(0.01, "Variance of the keypoint heatmaps, in [-1, 1] units squared.", low=1e-6, high=10)


@dataclass(frozen=True)
class GeneratorParams(Settings):
    """The occlusion-aware generator."""

    block_expansion: int = option(64, "Base width.", low=1, high=1024)
    max_features: int = option(512, "Upper limit of the width.", low=1, high=8192)
    num_down_blocks: int = option(2, "Halvings between the image and the warped features.", low=0, high=6)
    num_bottleneck_blocks: int = option(6, "Residual blocks after the warp.", low=0, high=64)
    estimate_occlusion_map: bool = option(True, "Mask warped features that the source does not show.")
    dense_motion_params: DenseMotionParams = field(default_factory=DenseMotionParams)


@dataclass(frozen=True)
class DiscriminatorParams(Settings):
    """The multi-scale patch discriminator; only training uses it."""

    scales: tuple[float, ...] = option((1.0,), "Image scales, one discriminator each.")
    block_expansion: int = option(32, "Base width.", low=1, high=1024)
    max_features: int = option(512, "Upper limit of the width.", low=1, high=8192)
    num_blocks: int = option(4, "Number of strided blocks.", low=1, high=8)
    sn: bool = option(False, "Spectral normalisation.")
    use_kp: bool = option(False, "Condition on the driving keypoints' heatmaps.")
    kp_variance: float = option(0.01, "Variance of those heatmaps.", low=1e-6, high=10)


@dataclass(frozen=True)
class ModelConfig(Settings):
    """The `model_params` section: all that decides the shape of the networks."""

    family: str = option("paper", "Which networks: the paper's or the compact ones.", choices=("paper", "compact"))
    common_params: CommonParams = field(default_factory=CommonParams)
    kp_detector_params: KeypointParams = field(default_factory=KeypointParams)
    generator_params: GeneratorParams = field(default_factory=GeneratorParams)
    discriminator_params: DiscriminatorParams = field(default_factory=DiscriminatorParams)
    compact_params: dict[str, Any] = option({}, "Settings of the compact networks; used when family is compact.")
