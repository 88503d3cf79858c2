"""`fomm finetune`: adapt a model to one consented person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fomm.cli.commands.train import show_progress
from fomm.cli.echo import say
from fomm.cli.options import StagedCommand, build_settings, settings_options
from fomm.config.render import DEVICES
from fomm.config.training.finetune import PersonSettings

_PATH = click.Path(path_type=Path)
_OPTIONS = (
    *("model", "backbone", "source_face", "source_box", "any_face", "driving_face", "driving_box", "zoom"),
    *("steps", "rows", "learning_rate", "photo_share", "anchor", "motion", "seed"),
)
_EXAMPLE = """\b
Example:
  fomm consent grant photo.jpg --subject Ada --until 2027-01-31 --statement "Yes." \\
      --make animate --make train --clips clips
  fomm finetune --portrait photo.jpg --clips clips -o ada.safetensors
  fomm animate photo.jpg talk.mp4 -o out.mp4 --model ada.safetensors
"""


@click.command(cls=StagedCommand, epilog=_EXAMPLE)
@click.option("--portrait", type=_PATH, required=True, help="The photo that the model shall animate.")
@click.option("--clips", type=_PATH, help="Folder of videos of that person, named in the consent.")
@click.option("-o", "--output", type=_PATH, required=True, help="Model to make, .safetensors.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where to compute.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@settings_options(PersonSettings, only=_OPTIONS)
def finetune(
    portrait: Path,
    clips: Path | None,
    output: Path,
    device: str,
    force: bool,
    settings_file: Path | None,
    **given: Any,
) -> None:
    """Adapt a model to the person in one photo, best with a few short clips of them.

    The person must have agreed to that (`fomm consent grant --make train`). The model is bound to their consent: it
    animates this photo only, and stops working when the consent ends or is revoked.
    """
    from fomm.training.finetune.run import finetune as run_finetuning

    settings = build_settings(PersonSettings, given, settings_file)
    made = run_finetuning(
        portrait, output, settings, clips=clips, device=device, force=force, on_progress=show_progress
    )
    say(
        f"{made.path}: bound to consent {made.consent} as output {made.output_id}; learnt from "
        f"{f'{made.frames} frames of clips' if made.frames else 'the photo alone'}"
        f"{'' if made.perceptual else ', without the perceptual loss'}."
    )
