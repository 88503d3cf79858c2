"""The command line: `fomm COMMAND`; every command is a thin layer over the same functions the Python API has."""

from fomm.cli.main import main

__all__ = ["main"]
