"""Results as JSON for programs and as Markdown for people, each file whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fomm.errors import OutputError
from fomm.evaluation.baselines import BASELINES, COPY, ORACLE, SIMILARITY, THIN_PLATE
from fomm.evaluation.measures.tally import MEASURES, MODEL, TRUE_FRAMES
from fomm.evaluation.reenact import Summary
from fomm.evaluation.run import Evaluation
from fomm.media.whole_files import write_whole

JSON_NAME, MARKDOWN_NAME = "results.json", "results.md"
TITLES = {
    MODEL: "model",
    COPY: "copying the source",
    SIMILARITY: "one similarity warp",
    THIN_PLATE: "thin-plate warp of landmarks",
    ORACLE: "thin-plate warp told the true landmarks",
    TRUE_FRAMES: "the true frames, as judged",
}
_DIGITS = 5


def check_folder(folder: Path, names: Sequence[str] = (JSON_NAME, MARKDOWN_NAME), *, force: bool) -> None:
    """Check that files of these names may be written to a folder, which need not exist yet.

    Raises:
        OutputError: it is a file, is not writable, or holds results already.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder for the results.")
    taken = [name for name in names if (folder / name).exists()]
    if taken and not force:
        raise OutputError(f"{folder / taken[0]} exists already; choose another folder or allow overwriting (--force).")
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {nearest} is not writable; choose another one.")


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write `results.json` and `results.md`; the folder is made if it is missing.

    Raises:
        OutputError: the folder cannot be written to.
    """
    content = json.dumps(_rounded(evaluation.to_mapping()), indent=1) + "\n"
    write_results(folder, {JSON_NAME: content, MARKDOWN_NAME: markdown(evaluation)})


def write_results(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts to files of these names, each whole or not there; the folder is made if it is missing.

    Raises:
        OutputError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    for name, text in texts.items():
        try:
            write_whole(folder / name, text.encode(), mode=0o644)
        except OSError as error:
            raise OutputError(f"{folder / name} cannot be written: {error.strerror}.") from error


def markdown(evaluation: Evaluation) -> str:
    """Return the tables, what judged, and what was left out."""
    settings = evaluation.settings
    lines = [
        f"# Evaluation of {Path(evaluation.model).name}",
        "",
        f"{evaluation.clips} clips, at most {settings.frames} frames each, the first frame of each as source; SSIM, "
        f"perceptual, identity and flow measured on one frame in {settings.every}; noise of the still test "
        f"{settings.noise:g} grey levels. Checkpoint {evaluation.sha256[:16]}.",
        "",
        "`+` marks a baseline that the model beats, `-` one that beats the model, `=` a draw.",
        *_explained(evaluation),
        "",
        "## Driven by itself",
        "",
        *_table(evaluation.self_driven),
    ]
    if evaluation.cross_driven:
        truth = (
            "who makes the same movements, so the true frames are known"
            if evaluation.alike
            else "the next clip of the folder, so the true frames are not known"
        )
        lines += ["", "## Driven by somebody else", "", f"The driver is {truth}.", "", *_table(evaluation.cross_driven)]
    lines += ["", "## What judged", "", *(f"- {what}: {name}" for what, name in evaluation.tools.items())]
    if evaluation.notes or evaluation.left_out:
        lines += ["", "## Left out", "", *(f"- {text}" for text in (*evaluation.notes, *evaluation.left_out))]
    return "\n".join(lines) + "\n"


def _explained(evaluation: Evaluation) -> list[str]:
    """Say what a column is that is there on labelled clips only."""
    if not any(ORACLE in values for values in evaluation.self_driven.values()):
        return []
    return [f"The {TITLES[ORACLE]} is no baseline, since a clip comes without: it shows how near the model gets to it."]


def _table(summary: Summary) -> list[str]:
    limits = [limit for limit in (ORACLE, TRUE_FRAMES) if any(limit in values for values in summary.values())]
    methods = (MODEL, *BASELINES, *limits)
    titles = ["measure", "better", *(TITLES[method] for method in methods), "model : copying"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for name, values in summary.items():
        measure = MEASURES[name]
        cells = [_cell(name, values, method) for method in methods]
        lines.append("| " + " | ".join([measure.title, measure.better, *cells, _ratio(name, values)]) + " |")
    return lines


def _cell(name: str, values: dict[str, float], method: str) -> str:
    if method not in values:
        return ""
    text = f"{values[method]:.0%}" if name in ("missing", "closer") else f"{values[method]:.4g}"
    if method in (MODEL, TRUE_FRAMES) or MODEL not in values:
        return text
    return f"{text} {MEASURES[name].compare(values[MODEL], values[method])}"


def _ratio(name: str, values: dict[str, float]) -> str:
    """Return the model's error as a share of that of copying, where both are errors."""
    if MEASURES[name].better != "lower" or MODEL not in values or not values.get(COPY):
        return ""
    return f"{values[MODEL] / values[COPY]:.0%}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
