"""`fomm evaluate`: measure a model on a folder of clips, against baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fomm.cli.display import progress_bars
from fomm.cli.echo import say
from fomm.cli.options import StagedCommand, build_settings, settings_options
from fomm.config.evaluate import EvaluateSettings
from fomm.errors import OutputError, SettingsError
from fomm.trust.release.delivery import check_destination

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Example:
  fomm evaluate compact-256 CLIPS -o results --limit 20
  fomm evaluate compact-256 CLIPS -o results --force --photo portrait.jpg
"""


@click.command(cls=StagedCommand, epilog=_EXAMPLE)
@click.argument("model")
@click.argument("clips", type=_PATH)
@click.option("--pairs", type=_PATH, help="CSV list of which clip drives which (columns source, driving).")
@click.option("-o", "--output", "folder", type=_PATH, required=True, help="Folder for the results.")
@click.option(
    "--photo",
    "photos",
    type=_PATH,
    multiple=True,
    help="Consented photo to film a comparison with: driven by some of the clips, model beside baselines; repeatable.",
)
@click.option(
    "--photo-clips", type=click.IntRange(1), default=3, show_default=True, help="How many clips drive each photo."
)
@click.option(
    "--ablate",
    is_flag=True,
    help="Measure instead what each stage of the model is worth, by leaving out one at a time.",
)
@click.option("--force", is_flag=True, help="Replace results that are there.")
@settings_options(EvaluateSettings)
def evaluate(
    model: str,
    clips: Path,
    pairs: Path | None,
    folder: Path,
    photos: tuple[Path, ...],
    photo_clips: int,
    ablate: bool,
    force: bool,
    settings_file: Path | None,
    **given: Any,
) -> None:
    """Measure MODEL (a bundled name or a checkpoint) on the folder CLIPS, against three baselines.

    CLIPS holds videos, gifs or folders of frames, each showing one face; a labelled synthetic set adds true motion.
    Numbers need no consent. The comparison shows a person moving, so it needs a consented photo.
    """
    from fomm.evaluation.ablation import JSON_NAME as ABLATION_JSON
    from fomm.evaluation.ablation import MARKDOWN_NAME as ABLATION_MARKDOWN
    from fomm.evaluation.ablation import ablate as measure_stages
    from fomm.evaluation.ablation import write_ablation
    from fomm.evaluation.comparison import authorise_photo, write_comparison
    from fomm.evaluation.report import MARKDOWN_NAME, check_folder, write_report
    from fomm.evaluation.run import evaluate as run_evaluation
    from fomm.evaluation.run import prepare

    settings = build_settings(EvaluateSettings, given, settings_file)
    if ablate and (photos or pairs):
        raise SettingsError("With --ablate clips drive themselves and no film is made: leave out --photo and --pairs.")
    films = {photo: folder / f"comparison-{photo.stem}.mp4" for photo in photos}
    if len(set(films.values())) < len(films):
        raise OutputError("Two of the photos have the same name, so their films would too; rename one.")
    check_folder(folder, *([(ABLATION_JSON, ABLATION_MARKDOWN)] if ablate else []), force=force)
    for photo, film in films.items():
        if film.parent.is_dir():
            check_destination(film, [photo], force=force)
    tools = prepare(model, settings)
    if ablate:
        with progress_bars() as progress:
            report = write_ablation(measure_stages(tools, clips, progress), folder)
        say(f"{report}: what {len(tools.pipeline._animator.stages)} stages are worth.")
        return
    subjects = [authorise_photo(tools, photo) for photo in films]  # refused now, not after an hour
    with progress_bars() as progress:
        result = run_evaluation(tools, clips, progress, pairs)
        write_report(result, folder)
        receipts = [
            write_comparison(
                tools, subject, clips, films[subject.photo], count=photo_clips, force=force, progress=progress
            )
            for subject in subjects
        ]
    say(f"{folder / MARKDOWN_NAME}: {result.clips} clips measured, {len(result.left_out)} left out.")
    for receipt in receipts:
        say(
            f"{receipt.path}: {receipt.frames} frames. Marked with the label '{receipt.label}', "
            f"watermark {receipt.output_id} ({receipt.watermark}), manifest {receipt.manifest}."
        )
    if not receipts:
        say("No film was made: pictures of a person need a consent. Give a consented photo with --photo PHOTO.")
