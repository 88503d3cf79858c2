"""Bombs are refused in a sentence, with little memory, and leave nothing; what real programs write is read."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bombs_made import BOMBS, HARMLESS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fomm.errors import MediaError
from fomm.media.photo.bombs import check_picture
from fomm.media.photo.image import decode_image

MIB = 1024  # in the kilobytes of ru_maxrss
WATCHED = """
import resource, sys
from pathlib import Path
from fomm.errors import FommError
from fomm.media.photo.image import decode_image
from fomm.media.photo.reduce import _vips
_vips()
data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    decode_image(data, "hostile.bin")
except FommError as error:
    print(error.exit_code, error)
else:
    print(0)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_maxrss - before.ru_maxrss)
"""


def watched(folder: Path, data: bytes) -> tuple[str, int]:
    """Decode in a process of its own; return what it said and how many KiB its memory grew."""
    folder.mkdir(exist_ok=True)
    path = folder / "hostile.bin"
    path.write_bytes(data)
    command = [sys.executable, "-c", WATCHED, str(path)]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True)
    assert os.listdir(folder) == ["hostile.bin"]
    said, grown = done.stdout.splitlines()
    return said, int(grown)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_little_memory(tmp_path: Path, name: str) -> None:
    data = BOMBS[name]()
    assert len(data) < 5_000_000
    said, grown = watched(tmp_path / "here", data)
    assert said.startswith("4 hostile.bin")
    assert "JPEG or PNG" in said
    assert "\n" not in said
    assert grown < 128 * MIB


@pytest.mark.parametrize("name", HARMLESS)
def test_what_the_decoder_bounds_costs_little(tmp_path: Path, name: str) -> None:
    _, grown = watched(tmp_path / "here", HARMLESS[name]())
    assert grown < 512 * MIB


def saved(form: str, mode: str = "RGB", **options: object) -> bytes:
    y, x = np.mgrid[:300, :400]
    pixels = np.stack([x % 256, y % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


WRITTEN = {
    "progressive": lambda: saved("JPEG", progressive=True),
    "progressive inks": lambda: saved("JPEG", "CMYK", progressive=True),
    "restarts": lambda: saved("JPEG", restart_marker_blocks=1),
    "thumbnail": lambda: saved("JPEG", exif=b"Exif\0\0" + saved("JPEG", progressive=True, quality=5)[:60_000]),
    "png": lambda: saved("PNG"),
    "palette": lambda: saved("PNG", "P"),
    "tiff": lambda: saved("TIFF"),
    "tiff deflate": lambda: saved("TIFF", compression="tiff_deflate"),
    "tiff lzw inks": lambda: saved("TIFF", "CMYK", compression="tiff_lzw"),
    "tiff jpeg": lambda: saved("TIFF", compression="jpeg"),
    "tiff strips": lambda: saved("TIFF", compression="tiff_deflate", strip_size=400 * 3),
    "tiff big": lambda: saved("TIFF", big_tiff=True),
    "tiff fax": lambda: saved("TIFF", "1", compression="group4"),
    "gif": lambda: saved("GIF", "P", comment=b"c" * 5000),
    "webp": lambda: saved("WEBP"),
    "avif": lambda: saved("AVIF"),
    "bmp": lambda: saved("BMP"),
    "ppm": lambda: saved("PPM"),
    "jpeg2000": lambda: saved("JPEG2000"),
    "jpeg2000 tiles": lambda: saved("JPEG2000", tile_size=(64, 64), num_resolutions=4, quality_layers=[40, 20, 10]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_programs_write_is_read(name: str) -> None:
    assert decode_image(WRITTEN[name](), name).shape == (300, 400, 3)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([*WRITTEN]), st.data())
def test_damage_never_confuses_the_walk(name: str, data: st.DataObject) -> None:
    whole = bytearray(_cached(name))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(whole) - 1, 700)))
        whole[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    with contextlib.suppress(MediaError):
        check_picture(bytes(whole[: data.draw(st.integers(1, len(whole)))]), "photo")


@functools.cache
def _cached(name: str) -> bytes:
    return WRITTEN[name]()
