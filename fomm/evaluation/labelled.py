"""What is known of a labelled synthetic clip: landmarks of every frame and the true flow between pairs of frames.

The format is described in `fomm.training.data.labelled_clips`. Landmarks and flow are brought to [-1, 1] of the frame
(edge grid), so a model of any size can be judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.geometry.landmarks import LIDS, LIPS
from fomm.training.data.labelled_clips import FIELD_SIDE, FLOW_UNIT, LANDMARK_UNIT, read_truth, unpack

Floats = NDArray[np.float64]

REGIONS = {"mouth": (LIPS, 0.004), "eyes": (LIDS, 0.002)}


@dataclass(frozen=True)
class TrueFlow:
    """The motion of one driving frame.

    Attributes:
        source: index of the frame its flow points to.
        displacement: backward, `[64, 64, 2]` in [-1, 1] units.
        weights: where it is known, by region ("all", "mouth", "eyes"), 0 or 1, `[64, 64]`.
    """

    source: int
    displacement: Floats
    weights: dict[str, Floats]


@dataclass(frozen=True)
class ClipTruth:
    """What is known of a clip.

    Attributes:
        landmarks: `[T, L, 2]` in [-1, 1].
        source: `[T]`, for each driving frame the frame its flow points to.
    """

    landmarks: Floats
    source: NDArray[np.int64]
    _flow: NDArray[np.int16]
    _valid: NDArray[np.uint8]

    def flow(self, driving: int) -> TrueFlow:
        """Return the true flow of one driving frame."""
        steps = self._flow[driving].astype(np.float64)  # [64, 64, 2] in quarter pixels
        known = unpack(self._valid[driving])
        weights = {"all": known.astype(np.float64)}
        axis = (2 * np.arange(FIELD_SIDE) + 1) / FIELD_SIDE - 1
        grid = np.stack(np.meshgrid(axis, axis, indexing="xy"), axis=-1)  # [64, 64, 2]
        for name, (points, variance) in REGIONS.items():
            away = np.square(grid[:, :, None] - self.landmarks[driving, list(points)]).sum(-1).min(-1)  # [64, 64]
            # The region of `fomm.training.evaluate`: where a bump of this variance is above one half.
            weights[name] = known * (away < 2 * variance * np.log(2))
        return TrueFlow(int(self.source[driving]), steps * FLOW_UNIT, weights)


def read_clip_truth(path: Path) -> ClipTruth:
    """Read the truth beside a labelled clip.

    Raises:
        MediaError: the file is missing or damaged.
    """
    stored = read_truth(path)
    return ClipTruth(
        landmarks=stored["landmarks"].astype(np.float64) * LANDMARK_UNIT - 1,
        source=stored["source"].astype(np.int64),
        _flow=stored["flow"].astype(np.int16),
        _valid=stored["valid"].astype(np.uint8),
    )
