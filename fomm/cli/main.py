"""Entry point: finds the command and turns every expected failure into one line and an exit code.

Exit codes: 0 done; 1 to 9 as `fomm.errors` says (2 is a wrong option or setting); 10 to 16 what `fomm verify`
found (`fomm.trust.marks.verify`); 130 Ctrl-C; 129 and 143 ended by the terminal's closing and by `kill`.
"""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

import click
from click.exceptions import NoArgsIsHelpError

from fomm import __version__
from fomm.cli.echo import say
from fomm.cli.foreign import answer
from fomm.cli.threads import let_threads_sleep
from fomm.config.animate import DEFAULT_MODEL
from fomm.errors import FommError, FommWarning
from fomm.heap import keep_freed_memory

_INTERRUPTED = 128 + signal.SIGINT
_ENDING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_COMMANDS = {
    "animate": "Animate a photo with the motion of a clip.",
    "demo": "Animate the bundled portrait with the bundled clip.",
    "edit": "Turn the head or change the expression of a photo.",
    "track": "Extract a clip's motion, to drive photos with.",
    "consent": "Record, look up and revoke consents.",
    "verify": "Say whether a file was made with fomm, and whether it was changed.",
    "registry": "Look up what an output was made of.",
    "keys": "Make, show and pin signing keys.",
    "checkpoint": "Look at, check and convert model weights.",
    "synthesize": "Draw training clips of people who do not exist.",
    "train": "Train a model on a folder of clips.",
    "evaluate": "Measure a model on a folder of clips, against baselines.",
    "finetune": "Adapt a model to one consented person.",
    "directions": "Learn what a model's keypoints do, for edits.",
    "studio": "Open the browser studio.",
}
_MODULES = {"demo": "animate", "track": "animate"}


class _Commands(click.Group):
    """Imports a command's module when that command is used: `fomm --help` need not wait for PyTorch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(
            import_module(f"fomm.cli.commands.{_MODULES.get(cmd_name, cmd_name)}"), cmd_name
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with: fomm demo. For help on one command: fomm animate --help.",
)
@click.version_option(__version__, prog_name="fomm", message=f"%(prog)s %(version)s, model {DEFAULT_MODEL}")
def commands() -> None:
    """Bring one consented portrait to life."""


def main(prog_name: str = "fomm") -> None:
    """Run the command line, which help and errors call `prog_name`, and exit."""
    let_threads_sleep()
    keep_freed_memory()
    sys.exit(_run(prog_name))


def _run(prog_name: str) -> int:
    """Run the command line and return the exit code."""
    try:
        with warnings.catch_warnings(), _ended_by_exception():
            warnings.showwarning = _show_warning
            code = commands.main(prog_name=prog_name, standalone_mode=False)
            return code if isinstance(code, int) else 0
    except NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output went away; there is nobody left to tell
        return 1
    except (FommError, click.ClickException, click.Abort, KeyboardInterrupt, _Ended) as error:
        sentence, code = _explain(error)
        _say(sentence)
        return code


def _explain(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit code of an expected failure."""
    if isinstance(error, FommError):
        return str(error), error.exit_code
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        if isinstance(error, click.NoSuchOption) and (told := answer(error.option_name, _command(context))):
            return f"No such option '{error.option_name}'. {told}", error.exit_code
        return error.format_message() + (f" See: {context.command_path} --help" if context else ""), error.exit_code
    if isinstance(error, _Ended):
        return "Stopped from outside; no unfinished file is left behind.", 128 + error.signal
    return "Interrupted; no unfinished file is left behind.", _INTERRUPTED


def _command(context: click.Context | None) -> str:
    """Return the name of the command that a context belongs to, empty outside of any."""
    while context is not None and context.parent is not None and context.parent.parent is not None:
        context = context.parent
    return (context.info_name or "") if context is not None and context.parent is not None else ""


class _Ended(BaseException):
    """Another process asked this one to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signal = signum


@contextmanager
def _ended_by_exception() -> Iterator[None]:
    """Turn requests to end into an exception inside the block, so that unfinished files are removed."""
    mine = []
    if threading.current_thread() is threading.main_thread():
        # Whoever ignores a signal on purpose (nohup) keeps ignoring it.
        mine = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]

    def stop(signum: int, frame: FrameType | None) -> None:
        raise _Ended(signum)

    for number in mine:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _say(sentence: str) -> None:
    """Print one line to standard error."""
    say(f"fomm: {' '.join(sentence.splitlines())}", err=True)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print our own warnings as one line; those of libraries say nothing to a user."""
    if issubclass(category, FommWarning):
        _say(f"note: {message}")
