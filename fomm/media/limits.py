"""Bounds on what a photo or clip may claim, checked from its header before any pixel is allocated.

Also the checks every file passes first (it exists, is a plain file, is not empty) and `sniff`, which recognises
common files from their first bytes so that an error can say what the file is instead of only what it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from fomm.config.settings import Settings, option
from fomm.errors import FommWarning, MediaError

SNIFF_BYTES = 512

# The brand of an ISO ("ftyp") or RIFF file, and otherwise how the file starts.
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_BRANDS = dict.fromkeys(_HEIC, "HEIC picture") | {
    b"avif": "picture",
    b"WEBP": "picture",
    b"M4A ": "sound",
    b"WAVE": "sound",
}
_SIGNATURES = {
    "picture": (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"GIF8"),
    "sound": (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf1"),
    "video": (b"\x1aE\xdf\xa3", b"FLV", b"\0\0\x01\xba"),
    "playlist": (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0\r\n", b"v=0\n"),
}


class MediaWarning(FommWarning):
    """A clip is damaged or shorter than it claims, but its readable part was used."""


@dataclass(frozen=True)
class MediaLimits(Settings):
    """The largest photo or clip that is accepted; larger ones are refused with a MediaError."""

    max_side: int = option(16384, "Longest side of a photo or video frame, in pixels.", low=16, high=65535)
    max_pixels: int = option(64_000_000, "Most pixels in one photo or video frame.", low=256, high=1_000_000_000)
    max_image_bytes: int = option(256_000_000, "Largest photo file, in bytes.", low=1024)
    max_duration_s: float = option(86_400.0, "Longest clip, in seconds.", low=1.0)
    max_fps: float = option(240.0, "Highest frame rate taken from a file, per second.", low=1.0, high=1000.0)

    def check_size(self, name: str, width: int, height: int) -> None:
        """Refuse a picture of `width` by `height` px that is empty or too large.

        Raises:
            MediaError: a side is zero, longer than `max_side`, or the area is above `max_pixels`.
        """
        if width < 1 or height < 1:
            raise MediaError(f"{name} has no picture area ({width}x{height} px); export it again.")
        if max(width, height) > self.max_side or width * height > self.max_pixels:
            raise MediaError(
                f"{name} claims {width}x{height} px, above the limit of {self.max_side} px a side and "
                f"{self.max_pixels / 1e6:g} megapixels; scale it down first."
            )

    def check_duration(self, name: str, seconds: Fraction | float) -> None:
        """Refuse a clip of more than `max_duration_s` seconds.

        Raises:
            MediaError: the clip is too long.
        """
        if seconds > self.max_duration_s:
            raise MediaError(
                f"{name} is {float(seconds):.0f} s long, above the limit of {self.max_duration_s:g} s; cut it first."
            )


PHOTO_LIMITS = MediaLimits(max_pixels=200_000_000)
"""Bounds on photos: larger than those on frames of video, because only one is held, and that one reduced."""


def check_file(path: Path) -> Path:
    """Return `path` when it is a plain file with something in it.

    Raises:
        MediaError: it is missing, a folder, not a plain file, unreadable or empty.
    """
    try:
        if path.is_dir():
            raise MediaError(f"{path} is a folder; give the file inside it.")
        if not path.exists():
            raise MediaError(f"{path} does not exist; check the name and the folder.")
        if not path.is_file():
            raise MediaError(f"{path} is not a plain file; copy it to one first.")
        if path.stat().st_size == 0:
            raise MediaError(f"{path} is empty (0 bytes); copy or download it again.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be opened ({error}); check its permissions.") from error
    return path


def sniff(head: bytes) -> str:
    """Name what a file looks like from its first `SNIFF_BYTES` bytes.

    Returns:
        One of "picture", "HEIC picture", "video", "sound", "playlist", "text" and "unknown".
    """
    brand = head[8:12] if head[4:8] == b"ftyp" or head[:4] == b"RIFF" else b""
    if brand in _BRANDS:
        return _BRANDS[brand]
    for kind, signatures in _SIGNATURES.items():
        if head.startswith(signatures):
            return kind
    if brand or head[4:8] in (b"moov", b"mdat"):
        return "video"
    if head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return "text"
    return "unknown"


def sniff_file(path: Path) -> str:
    """Name what the file at `path` looks like, as `sniff` does."""
    with path.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES))
