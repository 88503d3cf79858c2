"""`fomm evaluate`: measure a model on a folder of clips, against baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fomm.cli.display import progress_bars
from fomm.cli.options import StagedCommand, build_settings, settings_options
from fomm.evaluation.report import MARKDOWN_NAME, check_folder, write_report
from fomm.evaluation.run import evaluate as run_evaluation
from fomm.evaluation.settings import EvaluateSettings

_PATH = click.Path(path_type=Path)


@click.command(cls=StagedCommand)
@click.argument("model")
@click.argument("clips", type=_PATH)
@click.option("-o", "--output", "folder", type=_PATH, required=True, help="Folder for the results.")
@click.option("--force", is_flag=True, help="Replace results that are there.")
@settings_options(EvaluateSettings)
def evaluate(model: str, clips: Path, folder: Path, force: bool, settings_file: Path | None, **given: Any) -> None:
    """Measure MODEL (a bundled name or a checkpoint) on the folder CLIPS, against three baselines.

    CLIPS holds videos, gifs or folders of frames, each showing one face; a labelled synthetic set adds true motion.
    """
    settings = build_settings(EvaluateSettings, given, settings_file)
    check_folder(folder, force=force)
    with progress_bars() as progress:
        result = run_evaluation(model, clips, settings, progress)
    write_report(result, folder)
    click.echo(f"{folder / MARKDOWN_NAME}: {result.clips} clips measured, {len(result.left_out)} left out.")
