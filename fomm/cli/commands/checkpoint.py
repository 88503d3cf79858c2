"""`fomm checkpoint info | verify | convert`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fomm.cli.echo import say
from fomm.config.animate import DEFAULT_MODEL
from fomm.errors import ConsentError
from fomm.trust.release.delivery import check_destination
from fomm.weights.locations import find_config


@click.group()
def checkpoint() -> None:
    """Look at, check and convert model weights."""


@checkpoint.command()
@click.argument("model", default=DEFAULT_MODEL)
def info(model: str) -> None:
    """Show what MODEL (a bundled name or a path) says about itself."""
    from fomm.weights.loading import checkpoint_info

    found = checkpoint_info(model)
    say(f"{found.path}")
    for name in ("name", "family", "licence", "origin"):
        say(f"  {name}: {getattr(found.header, name)}")
    if found.header.binding:
        say(f"  bound: to the consent of output {found.header.binding.get('id', '')}; animates that photo only")
    say(f"  parameters: {found.parameters:,} in {found.size / 1e6:.1f} MB")
    say(f"  sha256: {found.sha256}")
    say(f"  settings: {json.dumps(found.header.config)}")
    say(f"  precision here: {_precision(model)}")


def _precision(model: str) -> str:
    """Say in which number type `auto` computes on this machine, and by what it was chosen."""
    from fomm.weights.loading import load_model
    from fomm.weights.precision import measure

    try:
        found = measure(load_model(model).model)
    except ConsentError:
        return "not measured: the weights load for the person's photo only"
    if not found.milliseconds:
        return f"{found.precision} ({found.processor} has no bfloat16)"
    times = ", ".join(f"{name} {spent:.1f} ms" for name, spent in found.milliseconds.items())
    return f"{found.precision} (layers measured on {found.processor}: {times})"


@checkpoint.command()
@click.argument("model", default=DEFAULT_MODEL)
def verify(model: str) -> None:
    """Check that MODEL is whole: header, tensors, finite values, checksum."""
    from fomm.weights.loading import verify_checkpoint

    found = verify_checkpoint(model)
    say(f"{found.path}: whole, {found.parameters:,} finite values, sha256 {found.sha256}")


@checkpoint.command()
@click.argument("official", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--config", help="Name or path of its configuration; found by shape if not given.")
@click.option("--licence", default="unknown", show_default=True, help="Licence of the weights, for the record.")
@click.option("--origin", default="the paper's authors", show_default=True, help="Where they come from.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
def convert(official: Path, output: Path, config: str | None, licence: str, origin: str, force: bool) -> None:
    """Convert a published OFFICIAL .pth.tar of the paper to a safetensors OUTPUT."""
    from fomm.weights.official import convert_official

    check_destination(output, [official], force=force)
    settings = find_config(config).model_params if config else None
    header = convert_official(official, output, config=settings, licence=licence, origin=origin)
    say(f"{output} written: {header.name}, safe to load.")
