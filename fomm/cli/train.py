"""`fomm train`: train a model from a configuration and a folder of clips."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("config")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o", "--run", type=click.Path(path_type=Path), required=True, help="Folder of the run; a begun run resumes."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--steps", type=int, help="Stop after this many steps of each stage, for a trial.")
def train(config: str, data: Path, run: Path, device: str, steps: int | None) -> None:
    """Train a model as CONFIG says (a bundled name or a YAML file) on the clips in DATA.

    Under `torchrun` the work is shared between processes.
    """
    from fomm.training.run import train as run_training  # noqa: PLC0415 - nothing else needs the training package

    run_training(config, data, run, device=device, steps=steps, on_progress=lambda line: click.echo(line, err=True))
