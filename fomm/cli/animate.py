"""`fomm animate`, `fomm demo` and `fomm track`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fomm.cli.display import progress_bars
from fomm.cli.options import build_settings, settings_options
from fomm.errors import OutputError
from fomm.scenes.settings import AnimateSettings

_EXISTING = click.Path(path_type=Path)


@click.command()
@click.argument("photo", type=_EXISTING)
@click.argument("driving", type=_EXISTING)
@click.option("-o", "--output", type=_EXISTING, required=True, help="File to make; .mp4, .mov, .mkv, .webm or .gif.")
@click.option("--audio", type=_EXISTING, help="Take the sound from this file instead of the driving clip.")
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
    """Animate PHOTO with the motion of DRIVING, a clip or a motion track made by `fomm track`."""
    settings = build_settings(AnimateSettings, given, settings_file)
    _render(photo, driving, output, settings, audio=audio, silent=silent, force=force)


@click.command()
@click.option("-o", "--output", type=_EXISTING, default=Path("demo.mp4"), show_default=True, help="File to make.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
def demo(output: Path, force: bool) -> None:
    """Animate the bundled portrait with the bundled clip."""
    from fomm.scenes.demo import demo_files, record_demo_consent  # noqa: PLC0415 - keeps `fomm --help` quick

    photo, driving = demo_files()
    record_demo_consent(photo)
    _render(photo, driving, output, AnimateSettings(), audio=None, silent=False, force=force)


@click.command()
@click.argument("driving", type=_EXISTING)
@click.option("-o", "--output", type=_EXISTING, required=True, help="Motion track to make, .safetensors.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@settings_options(AnimateSettings)
def track(driving: Path, output: Path, force: bool, settings_file: Path | None, **given: Any) -> None:
    """Extract the motion of DRIVING into a track that can drive photos in its place."""
    from fomm.scenes.animate import TRACK_SUFFIX, Pipeline  # noqa: PLC0415 - keeps `fomm --help` quick

    settings = build_settings(AnimateSettings, given, settings_file)
    if output.suffix != TRACK_SUFFIX:
        raise OutputError(f"{output} must end in {TRACK_SUFFIX}: a motion track is a safetensors file.")
    if output.exists() and not force:
        raise OutputError(f"{output} exists already; choose another name or allow overwriting (--force).")
    pipeline = Pipeline(settings.model, settings.render)
    with progress_bars() as progress:
        motion = pipeline.track(driving, settings, progress)
    motion.save(output)
    seen = int(motion.found.sum())
    click.echo(f"{output}: {len(motion)} frames at {float(motion.fps):.3f} fps, the face seen in {seen}.")


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
    from fomm.scenes.animate import Pipeline  # noqa: PLC0415 - keeps `fomm --help` quick

    pipeline = Pipeline(settings.model, settings.render)
    with progress_bars() as progress:
        receipt = pipeline.animate(
            photo, driving, output, settings, audio=audio, silent=silent, force=force, progress=progress
        )
    click.echo(
        f"{receipt.path}: {receipt.frames} frames. Marked with the label '{receipt.label}', "
        f"watermark {receipt.output_id} ({receipt.watermark}), manifest {receipt.manifest}."
    )
