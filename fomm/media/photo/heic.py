"""HEIC and HEIF pictures, as phones make them, decoded by libheif through `pi_heif`.

Only the primary picture is read, of a burst or a sequence too. libheif turns it as the file says (`irot`, `imir`), so
its EXIF orientation, which says the same once more, must not be applied again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from fomm.errors import MediaError
from fomm.media.limits import MediaLimits
from fomm.media.photo.profiles import named_profile

_ROWS = 256
_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


class Heic:
    """The primary picture of a HEIC file, decoded when its pixels are first asked for.

    Args:
        data: the whole file.
        name: what to call it in an error message.
        limits: the largest picture accepted.

    Attributes:
        size: width and height of the upright picture in pixels.
        profile: ICC profile of its colours, None for sRGB.

    Raises:
        MediaError: it claims too large a picture, or none.
        OSError, ValueError: it is damaged.
    """

    def __init__(self, data: bytes, name: str, limits: MediaLimits) -> None:
        import pi_heif  # noqa: PLC0415 - loads a library that few photos need

        try:
            file = pi_heif.open_heif(data, convert_hdr_to_8bit=True)
            self._image: Any = file[file.primary_index]
        except IndexError as error:
            raise MediaError(f"{name} holds no picture; save it again as JPEG.") from error
        except (RuntimeError, EOFError, SyntaxError) as error:
            raise OSError(str(error)) from error
        self._name, self._limits = name, limits
        self.size: tuple[int, int] = self._image.size
        limits.check_size(name, *self.size)
        info = self._image.info
        named = info.get("nclx_profile") or {}
        self.profile: bytes | None = info.get("icc_profile") or None
        if self.profile is None and named:
            self.profile = named_profile(int(named["color_primaries"]), int(named["transfer_characteristics"]))

    def band(self, left: int, top: int, right: int, bottom: int) -> Image.Image:
        """Return a part of the picture at its full size.

        Raises:
            OSError, ValueError: it is damaged.
        """
        return Image.fromarray(self._pixels()[top:bottom, left:right])

    def reduced(self, factor: int) -> Image.Image:
        """Return the whole picture, each side divided by a whole number and rounded up.

        Raises:
            OSError, ValueError: it is damaged.
        """
        width, height = self.size
        mode = self._mode()
        picture = Image.new(mode, (-(-width // factor), -(-height // factor)))
        step = _ROWS * factor
        for top in range(0, height, step):
            part = self.band(0, top, width, min(top + step, height))
            picture.paste(part.reduce(factor) if factor > 1 else part, (0, top // factor))
        return picture

    def _mode(self) -> str:
        mode = str(self._image.mode)
        if mode not in _MODES:
            raise ValueError(f"its pixels are of the unknown kind {mode}")
        return mode

    def _pixels(self) -> np.ndarray:
        """Return the decoded picture, uint8 `[H, W]` or `[H, W, C]`."""
        try:
            data, size = self._image.data, self._image.size
        except (RuntimeError, EOFError, SyntaxError) as error:
            raise OSError(str(error)) from error
        self._limits.check_size(self._name, *size)
        if size != self.size:
            raise ValueError(f"its picture has {size[0]}x{size[1]} px, not {self.size[0]}x{self.size[1]}")
        channels = _MODES[self._mode()]
        rows = np.frombuffer(data, np.uint8).reshape(size[1], -1)[:, : size[0] * channels]
        return rows if channels == 1 else rows.reshape(size[1], size[0], channels)
