"""How well a model moves people it has never seen: self-reenactment and cross-identity transfer on held-out clips.

Two questions, each against the answer of doing nothing:

- *self*: the source frame i of a person, driven by frame j of the same person. Flow error against the identity flow's,
  and absolute colour difference of the frame against that of copying the source.
- *cross*: the same person driven by somebody else who moves alike from i to j, with relative keypoints.

Flow errors are Euclidean end-point errors over cells whose true flow is known, in pixels of a 256 px frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.errors import MediaError
from fomm.geometry.anatomy import anatomy_of
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.heatmaps import gaussian_heatmap
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import LIDS, LIPS
from fomm.geometry.warping import warp
from fomm.model.interface import AnimationModel, GeneratedFrames
from fomm.track.surface import SurfaceTracker
from fomm.training.augment.found_keypoints import across
from fomm.training.data.labelled_clips import FIELD_SIDE, FRAME_SIDE, PairedClips, TransferBatch

_REGIONS = {"mouth": (LIPS, 0.004), "eyes": (LIDS, 0.002)}
_REGION_EDGE = 0.5  # a cell belongs to a region where the bump around its nearest landmark is above this


@dataclass
class _Mean:
    """Weighted mean gathered over batches."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, error: Tensor, weight: Tensor) -> None:
        self.total += float((error * weight).sum())
        self.weight += float(weight.sum())

    @property
    def value(self) -> float:
        return self.total / max(self.weight, 1e-9)


@dataclass
class _Scores:
    """Errors of a prediction and of doing nothing, by region."""

    model: dict[str, _Mean] = field(default_factory=dict)
    nothing: dict[str, _Mean] = field(default_factory=dict)

    def add(self, error: Tensor, baseline: Tensor, regions: dict[str, Tensor]) -> None:
        """Add maps `[B, H, W]`; a region is a weight map of the same shape."""
        for name, weight in regions.items():
            self.model.setdefault(name, _Mean()).add(error, weight)
            self.nothing.setdefault(name, _Mean()).add(baseline, weight)

    def summary(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "model": mean.value,
                "nothing": self.nothing[name].value,
                "ratio": mean.value / max(self.nothing[name].value, 1e-9),
            }
            for name, mean in self.model.items()
        }


def evaluate_heldout(
    model: AnimationModel,
    clips: PairedClips,
    *,
    samples: int | None = 400,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Measure a model on the held-out people of a labelled clip set.

    Args:
        model: any model; it is put in evaluation mode.
        clips: the test split. Only clips whose own portrait is held out (its number ends in 5) count.
        samples: how many driving frames to measure, spread evenly over the clips; None for all.
        batch_size: frames at a time.
        device: where the model is.

    Returns:
        Plain mapping: counts, then for `self` and `cross` the measures `flow_px`, `frame_l1` and `warp_l1` (the source
        warped by the flow, without synthesis; in [0, 1]), each by region (`all`, `mouth`, `eyes`) with the model's
        error (`model`), the error of doing nothing (`nothing`) and their `ratio`.

    Raises:
        MediaError: the clips show no held-out person.
    """
    model.eval()
    picks = heldout_picks(clips, samples)
    scores = {way: {measure: _Scores() for measure in ("flow_px", "frame_l1", "warp_l1")} for way in ("self", "cross")}
    with torch.inference_mode():
        for batch in _batches(clips, picks, batch_size):
            for way, frames in _animate(model, batch, device).items():
                _compare(scores[way], frames, batch)
    return {
        "samples": len(picks),
        "clips": len({clip for clip, _ in picks}),
        **{way: {name: score.summary() for name, score in measures.items()} for way, measures in scores.items()},
    }


def heldout_picks(clips: PairedClips, samples: int | None) -> list[tuple[int, int]]:
    """Return (clip, driving frame) pairs of held-out people, an even spread of `samples` of them.

    Raises:
        MediaError: there are none.
    """
    held = [i for i, name in enumerate(clips.names) if str(clips.index[name]["portrait"]).endswith("5")]
    picks = [(clip, frame) for clip in held for frame in range(clips.source.shape[1])]
    if not picks:
        raise MediaError("None of these clips shows a held-out person (a portrait whose number ends in 5).")
    if samples is None or samples >= len(picks):
        return picks
    return [picks[int(i)] for i in np.linspace(0, len(picks) - 1, samples).round()]


def _batches(clips: PairedClips, picks: list[tuple[int, int]], size: int) -> Iterator[TransferBatch]:
    for start in range(0, len(picks), size):
        yield clips.batch(picks[start : start + size])


def _animate(model: AnimationModel, batch: TransferBatch, device: torch.device | str) -> dict[str, GeneratedFrames]:
    """Animate person 0's source frame by its own driving frame and by the other person's movement."""
    frames = batch.frames.to(device).float().div(255)  # [B, 4, 3, 256, 256]
    found = model.detect(frames.flatten(0, 1))
    here, there, before, after = (found[moment::4] for moment in range(4))
    moments = [here, _followed(model, batch.frames[:, :2], here, there), before]
    moments.append(_followed(model, batch.frames[:, 2:], before, after))
    encoded = model.encode(frames[:, 0])
    same_axes = torch.eye(2, device=frames.device).expand(len(frames), 2, 2)
    driving: dict[str, Keypoints] = {"self": moments[1], "cross": across(moments, same_axes, _tied(model))}
    return {way: model.animate(encoded, keypoints, moments[0]) for way, keypoints in driving.items()}


def _followed(model: AnimationModel, frames: Tensor, anchor: Keypoints, found: Keypoints) -> Keypoints:
    """Follow each driver's hair and clothes from the first of two frames uint8 `[B, 2, 3, S, S]` to the second."""
    device, anatomy = found.value.device, anatomy_of(model.config)

    def person(picture: NDArray[np.uint8]) -> Tensor | None:
        image = torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float().div(255)
        matte = model.find_person(image)
        return None if matte is None else matte.float().cpu()

    rows = []
    pictures = frames.permute(0, 1, 3, 4, 2).cpu().numpy()  # [B, 2, S, S, 3]
    for row, (first, second) in enumerate(pictures):
        tracker = SurfaceTracker(person, None if anatomy is None else anatomy.face)
        tracker.follow([first], anchor[row : row + 1].to(torch.device("cpu")))
        rows.append(tracker.follow([second], found[row : row + 1].to(torch.device("cpu"))))
    return Keypoints.cat(rows).to(device)


def _tied(model: AnimationModel) -> int:
    """Return how many keypoints tell the size of a face, as in `fomm animate`; 0 for all."""
    config = model.config
    return config.tied_keypoints if isinstance(config, CompactSettings) else 0


def _compare(scores: dict[str, _Scores], frames: GeneratedFrames, batch: TransferBatch) -> None:
    source, target = batch.frames[:, 0].float().div(255), batch.frames[:, 1].float().div(255)
    displacement = frames.motion.displacement().permute(0, 3, 1, 2).cpu().float()  # [B, 2, h, w]
    truth = _true_displacement(batch)  # [B, 2, 64, 64]
    cells = F.interpolate(displacement, size=truth.shape[2:], mode="bilinear", align_corners=False)
    pixels = FRAME_SIDE / 2
    regions = _regions(batch)
    known = {name: region * batch.valid for name, region in regions.items()}
    scores["flow_px"].add((cells - truth).norm(dim=1) * pixels, truth.norm(dim=1) * pixels, known)
    scale = FRAME_SIDE // FIELD_SIDE
    fine = {name: F.interpolate(region[:, None], scale_factor=scale)[:, 0] for name, region in regions.items()}
    copied = (source - target).abs().mean(1)  # [B, 256, 256]
    made = frames.image.cpu().float()
    scores["frame_l1"].add((made - target).abs().mean(1), copied, fine)
    scores["warp_l1"].add((warp(source, displacement) - target).abs().mean(1), copied, fine)


def _true_displacement(batch: TransferBatch) -> Tensor:
    identity = coordinate_grid(FIELD_SIDE, FIELD_SIDE, batch.flow, corners=False)
    return (batch.flow - identity).permute(0, 3, 1, 2)


def _regions(batch: TransferBatch) -> dict[str, Tensor]:
    """Return weights `[B, 64, 64]`, 0 or 1: everywhere, and around the driving frame's lips and eyelids."""
    regions = {"all": torch.ones(batch.valid.shape)}
    for name, (landmarks, variance) in _REGIONS.items():
        points = batch.landmarks[:, 1, list(landmarks)]
        near = gaussian_heatmap(points, FIELD_SIDE, FIELD_SIDE, variance=variance, corners=False)
        regions[name] = (near.amax(1) > _REGION_EDGE).float()
    return regions
