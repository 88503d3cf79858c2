"""Generated media for every room's tests: tiny clips, sounds and photos made on the spot, nothing downloaded."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest


def run_ffmpeg(*arguments: str) -> None:
    """Run the bundled ffmpeg and fail the test with its own words when it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def ffmpeg_command() -> Callable[..., None]:
    """Run the bundled ffmpeg with raw arguments, for clips `make_video` cannot describe."""
    return run_ffmpeg


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """Write a moving test pattern and return its path.

    `make_video(path, frames=25, fps=25, size=(64, 48), audio=True, extra=())`: `fps` is anything `Fraction` reads
    ("30000/1001"), `size` is (width, height), `audio` adds a 440 Hz tone exactly as long as the picture, and `extra`
    holds ffmpeg output options such as `("-c:v", "libvpx-vp9")`. The container follows the suffix of `path`.
    """

    def make(
        path: Path,
        *,
        frames: int = 25,
        fps: Fraction | int | str = 25,
        size: tuple[int, int] = (64, 48),
        audio: bool = True,
        extra: tuple[str, ...] = (),
    ) -> Path:
        rate = Fraction(fps)
        duration = float(frames / rate)
        arguments = ["-f", "lavfi", "-i", f"testsrc2=size={size[0]}x{size[1]}:rate={rate}"]
        if audio:
            arguments += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={duration:.9f}"]
        if path.suffix in {".mp4", ".mov", ".mkv"}:
            arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
        run_ffmpeg(*arguments, "-frames:v", str(frames), *extra, f"file:{path}")
        return path

    return make


@pytest.fixture(scope="session")
def make_audio() -> Callable[..., Path]:
    """Write a tone, `make_audio(path, seconds=1.0, frequency=440)`, and return its path; the suffix sets the format."""

    def make(path: Path, *, seconds: float = 1.0, frequency: int = 440) -> Path:
        run_ffmpeg("-f", "lavfi", "-i", f"sine=frequency={frequency}:sample_rate=48000:duration={seconds}", str(path))
        return path

    return make


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., Path]:
    """Write a smooth colourful picture, `make_photo(path, size=(64, 64), seed=0)`, and return its path."""

    def make(path: Path, *, size: tuple[int, int] = (64, 64), seed: int = 0) -> Path:
        width, height = size
        phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
        y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
        waves = [np.sin(2 * np.pi * (x * (i + 1) + y) + phase[i]) for i in range(3)]
        iio.imwrite(path, np.round(127.5 + 120 * np.stack(waves, axis=-1)).astype(np.uint8))
        return path

    return make
