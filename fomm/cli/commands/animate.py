"""`fomm animate`, `fomm demo` and `fomm track`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fomm.cli.display import progress_bars
from fomm.cli.echo import say
from fomm.cli.options import StagedCommand, build_settings, settings_options
from fomm.config.animate import TRACK_SUFFIX, AnimateSettings
from fomm.errors import OutputError
from fomm.trust.release.delivery import check_destination

_PATH = click.Path(path_type=Path)
_TRACKING = (
    "model",
    "driving_face",
    "driving_box",
    "any_face",
    "zoom",
    "interval",
    "max_seconds",
    "device",
    "precision",
    "batch_size",
)
_EXAMPLE = """\b
Example:
  fomm consent grant photo.jpg --subject Ada --until 2027-01-31 --statement "Yes."
  fomm animate photo.jpg talk.mp4 -o out.mp4
"""


@click.command(cls=StagedCommand, epilog=_EXAMPLE)
@click.argument("photo", type=_PATH)
@click.argument("driving", type=_PATH)
@click.option(
    "-o",
    "--output",
    type=_PATH,
    required=True,
    help="File to make: .mp4, .m4v, .mov or .gif; driven by a picture also .png, .jpg or .webp.",
)
@click.option("--audio", type=_PATH, help="Take the sound from this file instead of the driving clip.")
@click.option("--silent", is_flag=True, help="Leave the sound out.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@settings_options(AnimateSettings)
def animate(
    photo: Path,
    driving: Path,
    output: Path,
    audio: Path | None,
    silent: bool,
    force: bool,
    settings_file: Path | None,
    **given: Any,
) -> None:
    """Animate PHOTO with the motion of DRIVING: a clip, a motion track made by `fomm track`, or a single picture.

    Of a single picture the expression is taken; the output may then be a picture, too.

    The person in the photo must have agreed: record that with `fomm consent grant` first.
    """
    settings = build_settings(AnimateSettings, given, settings_file)
    _render(photo, driving, output, settings, audio=audio, silent=silent, force=force)


@click.command()
@click.option("-o", "--output", type=_PATH, default=Path("demo.mp4"), show_default=True, help="File to make.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
def demo(output: Path, force: bool) -> None:
    """Animate the bundled portrait with the bundled clip."""
    from fomm.tasks.demo import demo_files, record_demo_consent

    photo, driving = demo_files()
    record_demo_consent(photo)
    _render(photo, driving, output, AnimateSettings(), audio=None, silent=False, force=force)


@click.command(cls=StagedCommand)
@click.argument("driving", type=_PATH)
@click.option("-o", "--output", type=_PATH, required=True, help="Motion track to make, .safetensors.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@settings_options(AnimateSettings, only=_TRACKING)
def track(driving: Path, output: Path, force: bool, settings_file: Path | None, **given: Any) -> None:
    """Extract the motion of DRIVING into a track that can drive photos in its place."""
    from fomm.tasks.animate import Pipeline
    from fomm.tasks.progress import PASSES

    settings = build_settings(AnimateSettings, given, settings_file)
    if output.suffix != TRACK_SUFFIX:
        raise OutputError(f"{output} must end in {TRACK_SUFFIX}: a motion track is a safetensors file.")
    check_destination(output, [driving], force=force)
    pipeline = Pipeline(settings.model, settings.render)
    with progress_bars(PASSES[:1]) as progress:
        motion = pipeline.track(driving, settings, progress)
    motion.save(output)
    seen = int(motion.found.sum())
    why = f"; {motion.bridged_line}" if motion.bridged_line else "."
    say(f"{output}: {len(motion)} frames at {float(motion.fps):.3f} fps, the face seen in {seen}{why}")


def _render(
    photo: Path,
    driving: Path,
    output: Path,
    settings: AnimateSettings,
    *,
    audio: Path | None,
    silent: bool,
    force: bool,
) -> None:
    from fomm.tasks.animate import Pipeline
    from fomm.tasks.progress import passes_of

    pipeline = Pipeline(settings.model, settings.render)
    with progress_bars(passes_of(driving)) as progress:
        receipt = pipeline.animate(
            photo, driving, output, settings, audio=audio, silent=silent, force=force, progress=progress
        )
    frames = "1 frame" if receipt.frames == 1 else f"{receipt.frames} frames"
    say(
        f"{receipt.path}: {frames}. Marked with the label '{receipt.label}', "
        f"watermark {receipt.output_id} ({receipt.watermark}), manifest {receipt.manifest}."
    )
    if receipt.bridged:
        say(f"Of the driving clip, {receipt.bridged}")
