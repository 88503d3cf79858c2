"""Whether a file is a single picture: what drives a photo may be one, in a clip's place."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from fomm.media.limits import check_file, sniff_file
from fomm.media.photo.image import FORMATS

_PICTURES = ("picture", "HEIC picture")


def is_still_picture(path: Path | str) -> bool:
    """Say whether a file is a picture that does not move: told by its content, not its name.

    Animated GIF, WebP and PNG are clips. A damaged picture counts as a picture, so that reading it says what is wrong.

    Raises:
        MediaError: the file is missing, a folder or empty.
    """
    path = check_file(Path(path))
    if sniff_file(path) not in _PICTURES:
        return False
    try:
        Image.init()
        with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
            return not getattr(image, "is_animated", False)
    except Exception:
        return True
