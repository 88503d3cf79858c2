"""Launches the studio: `python demo/app.py [OPTIONS]` is the same as `fomm studio [OPTIONS]`."""

import sys

from fomm.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "studio")
    main()
