"""Every command and public name that can emit a generated picture, and what each of its pictures carries.

The lists are complete: a command or a public name that is in neither of its two lists fails here. Endpoints of the
studio have the same list in `tests/studio/test_endpoints_sweep.py`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import click
import imageio.v3 as iio
import numpy as np
import pytest

import fomm as package
from fomm.cli.main import commands
from fomm.config.label import CORNERS, LabelSettings
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.evidence import FOUND
from fomm.trust.marks.label import LEGIBLE, Label
from fomm.trust.marks.manifest_reader import TRUSTED
from fomm.trust.marks.verify import verify

TESTS = Path(__file__).parents[1]
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4", ".mkv", ".mov", ".webm", ".avif", ".heic", ".tif", ".bmp"}

# What emits pictures: run below, or by the test that is named, since its material lies there.
EMITTING = {
    "animate": "cli/test_sweep.py::test_what_a_command_leaves_is_marked",
    "edit": "cli/test_sweep.py::test_what_a_command_leaves_is_marked",
    "finetune": "cli/test_finetune_command.py::test_from_consent_to_a_model_of_ones_own",
    "demo": "cli/test_sweep.py::test_what_a_command_leaves_is_marked",
    "train": "training/test_marked_run.py::test_a_model_that_hardly_learns_renders_nothing_unmarked",
    "evaluate": "evaluation/test_comparison.py::test_a_consented_photo_is_filmed_and_the_film_is_marked",
    # Training clips of nobody real: a manifest and no label, an exception that docs/trust.md names.
    "synthesize": "synthesis/test_clip_set.py::test_each_clip_says_in_a_signed_manifest_what_it_is",
    "studio": "studio/test_endpoints_sweep.py::test_what_an_endpoint_hands_out_is_marked",
}
SILENT = {
    "track", "consent export", "consent grant", "consent import", "consent list", "consent request", "consent revoke",
    "consent show", "consent sign", "consent start-anew", "verify", "registry export", "registry show", "keys init",
    "keys new", "keys pin", "keys show", "checkpoint convert", "checkpoint info", "checkpoint verify", "directions",
}  # fmt: skip
PUBLIC_EMITTING = {"Pipeline.animate", "edit_still"}
PUBLIC_SILENT = {
    "AnimateSettings", "ConsentTerms", "EditPhotoSettings", "EditSettings", "FommError", "Ledger", "MotionTrack",
    "edit_motion", "save_edit_motion", "Pipeline.authorise", "Pipeline.portrait", "Pipeline.provenance",
    "Pipeline.track", "Pipeline.transfer", "__version__",
}  # fmt: skip
PUBLIC_SEALED = {"Pipeline.frames"}  # only a release opens what it yields: `tests/trust/test_rendered.py`


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[str]:
    if not isinstance(command, click.Group):
        return [" ".join(path)]
    names = command.list_commands(click.Context(command))
    parts = [(name, command.get_command(click.Context(command), name)) for name in names]
    return [leaf for name, part in parts if part is not None for leaf in leaves(part, (*path, name))]


def test_the_list_of_commands_is_complete() -> None:
    assert sorted(leaves(commands)) == sorted([*EMITTING, *SILENT])


def test_the_list_of_public_names_is_complete() -> None:
    members = {f"Pipeline.{name}" for name, _ in inspect.getmembers(Pipeline) if not name.startswith("_")}
    assert (set(package.__all__) - {"Pipeline"}) | members == PUBLIC_EMITTING | PUBLIC_SILENT | PUBLIC_SEALED


@pytest.mark.parametrize("test", sorted(set(EMITTING.values())))
def test_each_emitting_command_has_its_test(test: str) -> None:
    file, name = test.split("::")
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


def marks(path: Path, ledger: Ledger) -> dict[str, Any]:
    """Return what is read from a file: verdict, manifest, watermark, and whether a label can be read in a corner."""
    report = verify(path, ledger)
    frames = iio.imread(path)
    first = frames if frames.ndim == 3 and frames.shape[-1] in (3, 4) else frames[0]
    picture = np.ascontiguousarray(first[..., :3])
    labels = [Label(LabelSettings(corner=corner), picture.shape[1], picture.shape[0]) for corner in CORNERS]
    legible = max(label.legibility(picture) for label in labels)
    return {
        "verdict": report.verdict,
        "manifest": report.manifest.state,
        "watermark": report.watermark.state,
        "label": legible >= LEGIBLE,
    }


MARKED = {"verdict": "intact", "manifest": TRUSTED, "watermark": FOUND, "label": True}
ONE, TWO = ("animate", "{photo}", "{motion}", "-o"), ("edit", "{photo}", "--smile", "0.4", "-o")
RUNS = {
    "demo": ("demo", "-o", "{out}/d.mp4"),
    "animate to video": (*ONE, "{out}/a.mp4", "--model", "{model}", "--preset", "ultrafast"),
    "animate to quicktime": (*ONE, "{out}/a.mov", "--model", "{model}", "--preset", "ultrafast"),
    "animate to gif": (*ONE, "{out}/a.gif", "--model", "{model}"),
    "a picture drives": ("animate", "{photo}", "{photo}", "-o", "{out}/a.png", "--model", "{editing}"),
    "edit to png": (*TWO, "{out}/e.png", "--model", "{editing}"),
    "edit to jpeg": (*TWO, "{out}/e.jpg", "--model", "{editing}"),
    "edit to webp": (*TWO, "{out}/e.webp", "--model", "{editing}"),
}


@pytest.mark.parametrize("run", RUNS)
def test_what_a_command_leaves_is_marked(
    run: str,
    fomm: Any,
    portrait_photo: Path,
    motion_file: Path,
    tiny_checkpoint: Path,
    editing_checkpoint: Path,
    ledger_folder: Path,
    tmp_path: Path,
) -> None:
    places = {
        "photo": portrait_photo,
        "motion": motion_file,
        "model": tiny_checkpoint,
        "editing": editing_checkpoint,
        "out": tmp_path,
    }
    done = fomm(*(argument.format(**places) for argument in RUNS[run]))
    assert done.code == 0, done.err
    pictures = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in PICTURES]
    assert len(pictures) == 1
    assert marks(pictures[0], Ledger(ledger_folder)) == MARKED


def test_an_unmarked_picture_has_none_of_it(portrait_photo: Path, ledger_folder: Path) -> None:
    read = marks(portrait_photo, Ledger(ledger_folder))
    assert read == {"verdict": "unmarked", "manifest": "absent", "watermark": "absent", "label": False}
