"""Means over clips: each measure, for the model and for every baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

MODEL = "model"
TRUE_FRAMES = "true frames"
"""Not a method: what a judge makes of the frames that should have come out, the best that could be had."""


@dataclass(frozen=True)
class Measure:
    """What a number means.

    Attributes:
        title: for the table.
        better: "lower", "higher", or "near 1".
    """

    title: str
    better: str = "lower"

    def compare(self, model: float, baseline: float) -> str:
        """Return "+" where the model is better than the baseline, "-" where it is worse, and "=" otherwise."""
        if self.better == "near 1":
            model, baseline = abs(model - 1), abs(baseline - 1)
        if model == baseline:
            return "="
        return "-" if (model < baseline) == (self.better == "higher") else "+"


MEASURES = {
    "l1": Measure("L1, in [0, 1]"),
    "psnr": Measure("PSNR, dB", "higher"),
    "ssim": Measure("SSIM", "higher"),
    "perceptual": Measure("perceptual distance"),
    "akd": Measure("AKD, px of 256"),
    "missing": Measure("missing rate"),
    "aed": Measure("AED, identity distance to the true frame"),
    "identity": Measure("identity distance to the source"),
    "closer": Measure("clips closer to the source than to the driver", "higher"),
    "mouth": Measure("mouth curve, correlation", "higher"),
    "mouth_depth": Measure("mouth curve, depth against the driver's", "near 1"),
    "eyes": Measure("eye curve, correlation", "higher"),
    "eyes_depth": Measure("eye curve, depth against the driver's", "near 1"),
    "flow": Measure("flow error, px of 256"),
    "flow_mouth": Measure("flow error at the mouth, px of 256"),
    "flow_eyes": Measure("flow error at the eyes, px of 256"),
    "warping": Measure("warping error along the true flow, grey levels"),
    "flicker": Measure("flicker in place, grey levels"),
    "still": Measure("output change with a still, noisy driver, grey levels a frame"),
}
"""Every measure in the order of the tables."""


@dataclass
class Mean:
    """A weighted mean."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float, weight: float = 1.0) -> None:
        """Count a value; one that is not a number counts for nothing."""
        if math.isfinite(value) and weight > 0:
            self.total += value * weight
            self.weight += weight

    @property
    def value(self) -> float | None:
        """The mean, None where nothing was counted."""
        return self.total / self.weight if self.weight else None


@dataclass
class Tally:
    """Means by measure and method."""

    means: dict[str, dict[str, Mean]] = field(default_factory=dict)

    def add(self, measure: str, method: str, value: float | None, weight: float = 1.0) -> None:
        """Count a value; None counts for nothing."""
        if value is not None:
            self.means.setdefault(measure, {}).setdefault(method, Mean()).add(value, weight)

    def include(self, clip: Mapping[str, Mapping[str, float]]) -> None:
        """Count one clip's summary, every clip alike."""
        for measure, methods in clip.items():
            for method, value in methods.items():
                self.add(measure, method, value)

    def summary(self) -> dict[str, dict[str, float]]:
        """Return the means that exist, in the order of `MEASURES`."""
        result: dict[str, dict[str, float]] = {}
        for measure in MEASURES:
            found = {method: mean.value for method, mean in self.means.get(measure, {}).items()}
            known = {method: value for method, value in found.items() if value is not None}
            if known:
                result[measure] = known
        return result
