"""Generated media for every room's tests: tiny clips, sounds and photos made on the spot, nothing downloaded."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest
import skimage.data
import skimage.transform

if TYPE_CHECKING:
    from fomm.model.interface import AnimationModel


def run_ffmpeg(*arguments: str, stdin: bytes = b"") -> None:
    """Run the bundled ffmpeg and fail the test with its own words when it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let Ctrl-C reach the commands that tests start, also where a shell's `&` made these tests ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


def _save_tiny(path: Path, tied: int) -> AnimationModel:
    """Save a compact model of 64 px with random weights: fast, moves things about, makes no pretty pictures."""
    import torch

    from fomm.config.training.compact import CompactSettings
    from fomm.model.compact import CompactModel
    from fomm.weights.loading import save_model

    torch.manual_seed(0)
    sizes = {"image_size": 64, "motion_side": 16, "max_width": 16, "levels": 2, "generator_blocks": 1}
    widths = {"detector_width": 8, "motion_width": 8, "generator_width": 8}
    hidden = {"hidden_margin": 0.06, "hidden_rim": 1, "hidden_fill": True, "matte_width": 4, "edge": 3.0}
    model = CompactModel(CompactSettings(tied_keypoints=tied, free_keypoints=2, **sizes, **widths, **hidden))
    # Untrained heads are zero or nearly so; these let keypoints follow the picture and every output vary.
    torch.nn.init.normal_(model.detector.heatmap.weight, std=0.5)
    for head in (model.dense_motion.mask, model.dense_motion.residual, model.generator.paint):
        torch.nn.init.normal_(head.weight, std=0.2)
    save_model(path, model, name=path.stem, licence="CC0-1.0", origin="random numbers")
    return model.eval()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that knows nothing of faces."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    _save_tiny(path, tied=6)
    return path


@pytest.fixture(scope="session")
def editing_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose keypoints have names, with edit directions made up for it."""
    import torch

    from fomm.retarget.edit import STROKES, SUFFIX, Directions
    from fomm.weights.fingerprint import detector_fingerprint

    path = tmp_path_factory.mktemp("model") / "editing.safetensors"
    detector = detector_fingerprint(_save_tiny(path, tied=40))
    numbers = torch.Generator().manual_seed(1)
    strokes = 0.3 * torch.randn(len(STROKES), 42, 2, generator=numbers)
    turn = torch.tensor([1.0, 0.0, 1.8, 2.0]).repeat(42, 1)
    bend = torch.zeros(len(STROKES), 42, 2, 2)
    Directions(turn, torch.zeros(42, 3), strokes, bend, detector, "0" * 64).save(path.with_suffix(SUFFIX))
    return path


@pytest.fixture(scope="session")
def portrait_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo with one face, 251 x 300 px (an odd width), from the public domain."""
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    iio.imwrite(path, skimage.data.astronaut()[:300, 100:351])
    return path


@pytest.fixture(scope="session")
def make_talk() -> Callable[..., Path]:
    """Write a clip of a real face that sways and nears, with sound, and return its path.

    `make_talk(path, frames=20, fps="30000/1001", audio=True, blank=())`: frames whose numbers are in `blank` are grey.
    """

    def make(
        path: Path, *, frames: int = 20, fps: str = "30000/1001", audio: bool = True, blank: range | tuple[()] = ()
    ) -> Path:
        photo, pictures = skimage.data.astronaut() / 255.0, []
        for i in range(frames):
            turn = 2 * np.pi * i / 20
            side, x, y = 190 - 20 * np.sin(turn), 225 + 12 * np.sin(turn), 112 + 6 * np.cos(turn)
            where = skimage.transform.SimilarityTransform(scale=side / 160, translation=(x - side / 2, y - side / 2))
            picture = skimage.transform.warp(photo, where, output_shape=(160, 160), mode="edge")
            pictures.append(np.full_like(picture, 0.5) if i in blank else picture)
        raw = np.round(np.stack(pictures) * 255).astype(np.uint8).tobytes()
        arguments = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "160x160", "-framerate", fps, "-i", "pipe:0"]
        if audio:
            seconds = float(frames / Fraction(fps))
            arguments += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds:.9f}"]
        run_ffmpeg(*arguments, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path), stdin=raw)
        return path

    return make


@pytest.fixture(scope="session")
def talk(make_talk: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip that `make_talk` makes unless told otherwise: 20 frames at 30000/1001 per second, with sound."""
    return make_talk(tmp_path_factory.mktemp("talk") / "talk.mp4")
