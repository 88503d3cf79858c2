"""Why a picture is refused before it is decoded."""

from __future__ import annotations


class TooMuch(Exception):  # noqa: N818 - a reason that `fomm.media.photo.bombs` puts into a sentence
    """What a picture has too much of, as a clause that follows its name."""
