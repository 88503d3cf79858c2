"""`fomm registry`: what was made under which output id."""

from __future__ import annotations

from pathlib import Path

import click

from fomm.cli.echo import say
from fomm.cli.forms import write_text
from fomm.trust.consent.ledger import Ledger
from fomm.trust.release.registry import Registry


@click.group()
def registry() -> None:
    """Look up what an output was made of and under which consent."""


@registry.command()
@click.argument("output_id")
def show(output_id: str) -> None:
    """Show one output."""
    for key, value in Registry(Ledger()).show(output_id).to_mapping().items():
        if value:
            say(f"{key}: {value}")


@registry.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; standard output if not given.")
def export(output: Path | None) -> None:
    """Export all outputs as JSON lines."""
    ledger = Ledger()
    lines = list(Registry(ledger).export())
    if not lines:  # told on standard error, so that standard output stays JSON lines
        say(f"No outputs are recorded in {ledger.keys.directory}; the first: fomm demo", err=True)
    write_text(output, "".join(f"{line}\n" for line in lines))
