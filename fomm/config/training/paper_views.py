"""Random views of training clips, in the layout of the paper's YAML files."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option


@dataclass(frozen=True)
class FlipParams(Settings):
    """Random flips of a training clip."""

    horizontal_flip: bool = option(False, "Mirror half of the clips.")
    time_flip: bool = option(False, "Swap source and driving in half of the pairs.")


@dataclass(frozen=True)
class JitterParams(Settings):
    """Random colour changes, the same for both frames of a pair."""

    brightness: float = option(0.0, "Largest relative change of brightness.", low=0.0, high=1.0)
    contrast: float = option(0.0, "Largest relative change of contrast.", low=0.0, high=1.0)
    saturation: float = option(0.0, "Largest relative change of saturation.", low=0.0, high=1.0)
    hue: float = option(0.0, "Largest shift of hue, in turns of the colour circle.", low=0.0, high=0.5)


@dataclass(frozen=True)
class ResizeParams(Settings):
    """Random zoom."""

    ratio: tuple[float, float] = option((0.75, 4 / 3), "Smallest and largest scale.")
    interpolation: str = option("nearest", "How pixels are interpolated.", choices=("nearest", "bilinear"))


@dataclass(frozen=True)
class RotationParams(Settings):
    """Random rotation."""

    degrees: float = option(10.0, "Largest angle either way, in degrees.", low=0.0, high=180.0)


@dataclass(frozen=True)
class CropParams(Settings):
    """Random crop."""

    size: tuple[int, int] = option((256, 256), "Height and width of the crop in pixels.")


@dataclass(frozen=True)
class AugmentationParams(Settings):
    """Which random changes training applies, in this order: flip, rotation, resize, crop, jitter; left out for none."""

    flip_param: FlipParams | None = None
    rotation_param: RotationParams | None = None
    resize_param: ResizeParams | None = None
    crop_param: CropParams | None = None
    jitter_param: JitterParams | None = None
