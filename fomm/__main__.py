"""`python -m fomm`, for installations whose `fomm` command is not on the search path."""

from fomm.cli import main

if __name__ == "__main__":
    main("python -m fomm")
