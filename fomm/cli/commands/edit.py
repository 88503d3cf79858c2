"""`fomm edit`: turn the head or change the expression of one photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fomm.cli.echo import say
from fomm.cli.options import StagedCommand, build_settings, settings_options
from fomm.config.animate import TRACK_SUFFIX
from fomm.config.edit_photo import EditPhotoSettings

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Example:
  fomm edit photo.jpg -o still.png --yaw 10 --smile 0.5
  fomm edit photo.jpg -o nod.safetensors --pitch -8
  fomm animate photo.jpg nod.safetensors -o nod.mp4
"""


@click.command(cls=StagedCommand, epilog=_EXAMPLE)
@click.argument("photo", type=_PATH)
@click.option(
    "-o", "--output", type=_PATH, required=True, help="Picture to make, .png or .jpg; or .safetensors, a motion track."
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@settings_options(EditPhotoSettings)
def edit(photo: Path, output: Path, force: bool, settings_file: Path | None, **given: Any) -> None:
    """Edit PHOTO by hand: pose, gaze, eyes, mouth, smile, brows.

    The result is a marked picture, or a motion from the photo to the edit and back. The person in the photo must have
    agreed: record that with `fomm consent grant` first.
    """
    from fomm.tasks.animate import Pipeline
    from fomm.tasks.edit import edit_still, save_edit_motion

    settings = build_settings(EditPhotoSettings, given, settings_file)
    pipeline = Pipeline(settings.model, settings.render)
    if output.suffix == TRACK_SUFFIX:
        track = save_edit_motion(pipeline, photo, output, settings, force=force)
        say(f"{output}: {len(track)} frames at {float(track.fps):g} fps, without picture.")
        return
    receipt = edit_still(pipeline, photo, output, settings, force=force)
    say(
        f"{receipt.path}: marked with the label '{receipt.label}', watermark {receipt.output_id} "
        f"({receipt.watermark}), manifest {receipt.manifest}."
    )
