"""Entry point: collects the commands and turns every expected failure into one line and an exit code."""

from __future__ import annotations

import sys
import warnings

import click

from fomm import __version__
from fomm.cli.animate import animate, demo, track
from fomm.cli.checkpoint import checkpoint
from fomm.cli.consent import consent
from fomm.cli.train import train
from fomm.errors import FommError

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="fomm")
def commands() -> None:
    """Bring one consented portrait to life."""


for command in (animate, demo, track, consent, checkpoint, train):
    commands.add_command(command)


def main() -> None:
    """Run the command line and exit."""
    warnings.showwarning = _show_warning
    try:
        code = commands.main(standalone_mode=False)
    except FommError as error:
        _say(str(error))
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted; nothing was written.")
        code = _INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


def _say(sentence: str) -> None:
    click.echo(f"fomm: {sentence}", err=True)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    _say(f"note: {message}")
