"""`fomm directions`: learn what a model's keypoints do when the face moves, which edits need."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fomm.cli.echo import say, say_progress
from fomm.trust.release.delivery import check_destination

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model")
@click.argument("clips", type=_PATH)
@click.option("-o", "--output", type=_PATH, help="File to make; beside the checkpoint if not given.")
@click.option("--limit", type=click.IntRange(2), default=100, show_default=True, help="Look at this many clips.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
def directions(model: str, clips: Path, output: Path | None, limit: int, force: bool) -> None:
    """Learn the edit directions of MODEL (a bundled name or a checkpoint) from the labelled clips in CLIPS.

    Edits look for them beside the checkpoint. They hold for its keypoint detector only: learn them again when that has
    been trained further.
    """
    from fomm.retarget.edit import SUFFIX
    from fomm.training.finetune.directions import learn_directions
    from fomm.weights.loading import load_model

    loaded = load_model(model)
    output = output or loaded.info.path.with_suffix(SUFFIX)
    check_destination(output, [loaded.info.path], force=force)
    shown = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if shown:
            say_progress(f"{done} of {total} clips", last=done == total)

    learnt = learn_directions(loaded.model, loaded.info.sha256, clips, limit=limit, progress=progress)
    learnt.save(output)
    say(f"{output}: directions of {len(learnt.turn)} keypoints for detector {learnt.detector}.")
