"""What each stage of a model is worth: clips driven by themselves, with one stage left out at a time.

The frames of all variants are judged together with the true ones. A stage that acts seldom, such as lashes, changes the
means little; so it is told, too, on how many frames it acts at all, and how much it changes there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fomm.errors import MediaError
from fomm.evaluation.clips import find_entries, open_clip
from fomm.evaluation.measures.judge import Judge
from fomm.evaluation.measures.pictures import Picture
from fomm.evaluation.measures.tally import MEASURES, MODEL, Tally
from fomm.evaluation.reading import Reading, Tools, read_clip
from fomm.evaluation.reenact import Driven
from fomm.evaluation.report import write_results
from fomm.evaluation.run import STAGE, UNUSABLE, leave_out
from fomm.tasks.progress import Progress
from fomm.tasks.tracking import no_progress

JSON_NAME, MARKDOWN_NAME = "ablation.json", "ablation.md"
_SHOWN = ("l1", "perceptual", "akd", "mouth", "eyes", "flicker")
_ACTS = 0.5  # grey levels of change, at the pixel that changes most, from which a stage counts as acting on a frame


@dataclass(frozen=True)
class Ablation:
    """What was measured.

    Attributes:
        clips: how many clips.
        measures: means over clips by measure and variant; a variant is the stage that was left out, or `MODEL`.
        acting: share of frames that change without the stage.
        change: mean absolute change of those frames' changed pixels, in grey levels.
        milliseconds: of processor time per frame, by variant.
    """

    clips: int
    measures: dict[str, dict[str, float]]
    acting: dict[str, float]
    change: dict[str, float]
    milliseconds: dict[str, float]


def ablate(tools: Tools, clips: Path, progress: Progress = no_progress) -> Ablation:
    """Leave out each stage of the model in turn, and none.

    Args:
        tools: from `fomm.evaluation.run.prepare`.
        clips: a folder of clips, as for `evaluate`.
        progress: told about every clip.

    Raises:
        MediaError: no clip can be measured, or the model has no stages.
    """
    stages = tools.pipeline._animator.stages
    if not stages:
        raise MediaError(f"'{tools.model}' has no stages that could be left out; choose a model of the compact family.")
    entries = find_entries(clips, tools.settings.limit, None)
    tally, counts = Tally(), _Counts()
    measured = 0
    for done, entry in enumerate(entries):
        progress(STAGE, done, len(entries))
        try:
            clip = read_clip(open_clip(entry.path, entry.truth, tools.side, tools.pipeline.finder), tools)
        except UNUSABLE as error:
            leave_out(str(error))
            continue
        tally.include(_judged(tools, clip, stages, counts))
        measured += 1
    progress(STAGE, len(entries), len(entries))
    if not measured:
        raise MediaError(f"No clip in '{clips}' could be measured.")
    return Ablation(measured, tally.summary(), counts.acting(), counts.change(), counts.milliseconds())


def write_ablation(found: Ablation, folder: Path) -> Path:
    """Write `ablation.json` and `ablation.md`, and return the latter's path; the folder is made if it is missing.

    Raises:
        OutputError: the folder cannot be written to.
    """
    write_results(folder, {JSON_NAME: json.dumps(vars(found), indent=1) + "\n", MARKDOWN_NAME: markdown(found)})
    return folder / MARKDOWN_NAME


def markdown(found: Ablation) -> str:
    """Return the table: the whole model first, then how far it gets without each stage."""
    shown = [name for name in _SHOWN if name in found.measures]
    titles = ["left out", *(MEASURES[name].title for name in shown)]
    titles += ["frames it acts on", "change there, grey levels", "processor ms a frame"]
    lines = [
        "# What each stage is worth",
        "",
        f"{found.clips} clips driven by themselves, one stage left out at a time.",
        "",
        "| " + " | ".join(titles) + " |",
        "|---" * len(titles) + "|",
    ]
    for variant, spent in found.milliseconds.items():
        cells = [f"{found.measures[name].get(variant, float('nan')):.4g}" for name in shown]
        acts = ["", ""] if variant == MODEL else [f"{found.acting[variant]:.0%}", f"{found.change[variant]:.2f}"]
        lines.append(
            "| " + " | ".join(["nothing" if variant == MODEL else variant, *cells, *acts, f"{spent:.1f}"]) + " |"
        )
    return "\n".join(lines) + "\n"


def _judged(tools: Tools, clip: Reading, stages: tuple[str, ...], counts: _Counts) -> Mapping[str, Mapping[str, float]]:
    """Return the measures of a clip by variant."""
    variants: dict[str, list[Picture]] = {}
    for variant in (MODEL, *stages):
        tools.pipeline._animator.leave_out(() if variant == MODEL else (variant,))
        try:
            made = Driven.of(tools, clip, clip, "first").model_frames()
            first = next(made)  # with it, what is computed once
            begun = time.process_time()
            variants[variant] = [first, *made]
            counts.spend(variant, time.process_time() - begun, len(variants[variant]) - 1)
        finally:
            tools.pipeline._animator.leave_out(())
        counts.compare(variant, variants[variant], variants[MODEL])
    judge = Judge(tools, clip, clip)
    for moment, true in enumerate(clip.frames()):
        if moment > 0:
            judge.look(moment, {variant: frames[moment] for variant, frames in variants.items()}, true)
    return judge.summary()


class _Counts:
    """Adds up time, and how often and how much frames change."""

    def __init__(self) -> None:
        self._spent: dict[str, tuple[float, int]] = {}
        self._changed: dict[str, list[float]] = {}
        self._frames: dict[str, int] = {}

    def spend(self, variant: str, seconds: float, frames: int) -> None:
        total, count = self._spent.get(variant, (0.0, 0))
        self._spent[variant] = (total + seconds, count + frames)

    def compare(self, variant: str, frames: list[Picture], whole: list[Picture]) -> None:
        for frame, other in zip(frames, whole, strict=True):
            apart = np.abs(frame.astype(np.int16) - other).max(-1)
            self._frames[variant] = self._frames.get(variant, 0) + 1
            if apart.max() > _ACTS:
                self._changed.setdefault(variant, []).append(float(apart[apart > 0].mean()))

    def acting(self) -> dict[str, float]:
        return {variant: len(self._changed.get(variant, [])) / count for variant, count in self._frames.items()}

    def change(self) -> dict[str, float]:
        return {variant: float(np.mean(self._changed.get(variant, [0.0]))) for variant in self._frames}

    def milliseconds(self) -> dict[str, float]:
        return {variant: 1000 * seconds / max(1, count) for variant, (seconds, count) in self._spent.items()}
