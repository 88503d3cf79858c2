"""Typed configuration in the layout of the paper's YAML files, which load unchanged.

One dataclass per section, named after its YAML key. A key that does not exist is refused by name, with the nearest
one that does. A file may say `family: paper` at its top; files of the compact family have a layout of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fomm.config.settings import Settings, option
from fomm.config.training.paper_views import AugmentationParams
from fomm.config.yaml_text import parse_yaml
from fomm.errors import SettingsError


@dataclass(frozen=True)
class DatasetParams(Settings):
    """Where the clips are and how pairs are drawn from them."""

    root_dir: str = option("data", "Folder with `train` and `test`, each holding videos or folders of frames.")
    frame_shape: tuple[int, int, int] = option((256, 256, 3), "Height, width and channels of a frame.")
    id_sampling: bool = option(False, "An epoch visits every identity (name up to '#') once, not every clip.")
    pairs_list: str | None = option(None, "CSV file with source and driving columns; left out for random pairs.")
    augmentation_params: AugmentationParams = field(default_factory=AugmentationParams)


@dataclass(frozen=True)
class CommonParams(Settings):
    """What detector, generator and discriminator must agree on."""

    num_kp: int = option(10, "Number of keypoints.", low=1, high=256)
    num_channels: int = option(3, "Image channels; RGB only.", low=3, high=3)
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

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_scale("kp_detector_params.scale_factor", self.scale_factor)


@dataclass(frozen=True)
class DenseMotionParams(Settings):
    """The network that blends the sparse motions into a dense one."""

    block_expansion: int = option(64, "Base width of the hourglass.", low=1, high=1024)
    max_features: int = option(1024, "Upper limit of the width.", low=1, high=8192)
    num_blocks: int = option(5, "Depth of the hourglass.", low=1, high=8)
    scale_factor: float = option(0.25, "Resolution of the dense motion, relative to its input.", low=0.0625, high=1.0)
    kp_variance: float = option(0.01, "Variance of the heatmaps, in [-1, 1] units squared.", low=1e-6, high=10.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_scale("dense_motion_params.scale_factor", self.scale_factor)


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
    num_blocks: int = option(4, "Number of blocks; all but the last halve the resolution.", low=1, high=8)
    sn: bool = option(False, "Spectral normalisation.")
    use_kp: bool = option(False, "Condition on the driving keypoints' heatmaps.")
    kp_variance: float = option(0.01, "Variance of those heatmaps.", low=1e-6, high=10.0)


@dataclass(frozen=True)
class ModelConfig(Settings):
    """The `model_params` section: all that decides the shape of the networks."""

    common_params: CommonParams = field(default_factory=CommonParams)
    kp_detector_params: KeypointParams = field(default_factory=KeypointParams)
    generator_params: GeneratorParams = field(default_factory=GeneratorParams)
    discriminator_params: DiscriminatorParams = field(default_factory=DiscriminatorParams)


@dataclass(frozen=True)
class TransformParams(Settings):
    """The random thin-plate-spline transform of the equivariance loss."""

    sigma_affine: float = option(0.05, "Spread of the affine part.", low=0.0, high=1.0)
    sigma_tps: float | None = option(0.005, "Spread of the deformation; left out for affine only.", low=0.0, high=1.0)
    points_tps: int | None = option(5, "Control points along each side of the deformation.", low=2, high=64)


@dataclass(frozen=True)
class LossWeights(Settings):
    """Weight of every loss; 0 switches it off."""

    generator_gan: float = option(0.0, "Least-squares adversarial loss of the generator.", low=0.0)
    discriminator_gan: float = option(1.0, "Least-squares loss of the discriminator.", low=0.0)
    feature_matching: tuple[float, ...] = option((10.0,) * 4, "Feature matching, one weight per block.")
    perceptual: tuple[float, ...] = option((10.0,) * 5, "Perceptual loss, one weight per layer.")
    equivariance_value: float = option(10.0, "Equivariance of keypoint positions.", low=0.0)
    equivariance_jacobian: float = option(10.0, "Equivariance of keypoint Jacobians.", low=0.0)


@dataclass(frozen=True)
class TrainParams(Settings):
    """The training schedule."""

    num_epochs: int = option(100, "Epochs to train.", low=1)
    num_repeats: int = option(1, "Times an epoch passes over the data.", low=1)
    epoch_milestones: tuple[int, ...] = option((60, 90), "Epochs after which the learning rates fall tenfold.")
    lr_generator: float = option(2e-4, "Learning rate of generator and dense motion.", low=0.0, high=1.0)
    lr_discriminator: float = option(2e-4, "Learning rate of the discriminator.", low=0.0, high=1.0)
    lr_kp_detector: float = option(2e-4, "Learning rate of the keypoint detector; 0 freezes it.", low=0.0, high=1.0)
    batch_size: int = option(36, "Pairs per step, over all devices.", low=1)
    scales: tuple[float, ...] = option((1.0, 0.5, 0.25, 0.125), "Image pyramid of the perceptual loss.")
    checkpoint_freq: int = option(50, "Epochs between checkpoints.", low=1)
    transform_params: TransformParams = field(default_factory=TransformParams)
    loss_weights: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True)
class ReconstructionParams(Settings):
    """Evaluation by reconstructing test clips."""

    num_videos: int = option(1000, "Most clips to reconstruct.", low=1)
    format: str = option(".mp4", "Extension of the written videos.")


@dataclass(frozen=True)
class NormalizationParams(Settings):
    """How driving keypoints are carried over to the source."""

    adapt_movement_scale: bool = option(False, "Scale the movement by the ratio of the convex hulls.")
    use_relative_movement: bool = option(True, "Apply displacements, not positions.")
    use_relative_jacobian: bool = option(True, "Apply changes of the Jacobians, not the Jacobians.")


@dataclass(frozen=True)
class AnimateParams(Settings):
    """Evaluation by animating pairs of test clips."""

    num_pairs: int = option(50, "Most pairs to animate.", low=1)
    format: str = option(".mp4", "Extension of the written videos.")
    normalization_params: NormalizationParams = field(default_factory=NormalizationParams)


@dataclass(frozen=True)
class VisualizerParams(Settings):
    """How progress pictures look."""

    kp_size: int = option(5, "Radius of a drawn keypoint in pixels.", low=0)
    draw_border: bool = option(True, "White border around each picture.")
    colormap: str = option("gist_rainbow", "Matplotlib colour map of the keypoints.")


@dataclass(frozen=True)
class Config(Settings):
    """A whole configuration file of the paper's family."""

    family: str = option("paper", "Which networks the file configures.", choices=("paper",))
    dataset_params: DatasetParams = field(default_factory=DatasetParams)
    model_params: ModelConfig = field(default_factory=ModelConfig)
    train_params: TrainParams = field(default_factory=TrainParams)
    reconstruction_params: ReconstructionParams = field(default_factory=ReconstructionParams)
    animate_params: AnimateParams = field(default_factory=AnimateParams)
    visualizer_params: VisualizerParams = field(default_factory=VisualizerParams)


def load_config(path: str | Path) -> Config:
    """Read a configuration file.

    Raises:
        SettingsError: the file is missing or not YAML, or a key is unknown, of the wrong type or out of range.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"Cannot read the configuration '{path}': {error.strerror}.") from error
    content = parse_yaml(text, f"The configuration '{path}'")
    if content is None:
        raise SettingsError(f"The configuration '{path}' is empty.")
    if isinstance(content, dict) and content.get("family", "paper") != "paper":
        raise SettingsError(f"The configuration '{path}' is for the '{content['family']}' family, not the paper's.")
    return Config.from_mapping(content, f"'{path}'")


def _check_scale(name: str, scale: float) -> None:
    """Anti-alias downsampling keeps every n-th pixel, so only 1 / n is possible."""
    if abs(1 / scale - round(1 / scale)) > 1e-6:
        raise SettingsError(f"{name} must be 1 divided by a whole number, not {scale:g}.")
