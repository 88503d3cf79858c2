"""Driving clips as people really have them, drawn from the demo's own clips, with what is true about every frame.

A scene places the frames of a demo clip on a canvas: a head that walks in, leaves, stands on its side, comes out of
the dark or is cut to another framing. Where the demo clip's keypoints lie is known, so where they lie on the canvas is.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm.media.video import read_video

Frame = NDArray[np.uint8]
DEMO = Path(__file__).resolve().parents[1] / "demo"
FPS = 25
_WALL = 128  # grey level of what the demo clip does not show


@dataclass(frozen=True)
class Placed:
    """How one frame of a demo clip lies on the canvas.

    Attributes:
        x: px of the canvas, of the left edge of the clip's picture.
        y: likewise of its upper edge.
        scale: canvas px per px of the clip.
        light: what its levels are multiplied by, in [0, 2].
    """

    x: float
    y: float
    scale: float = 1.0
    light: float = 1.0


@dataclass(frozen=True)
class Scene:
    """One clip to be drawn.

    Attributes:
        source: name of the demo clip.
        size: width and height of the canvas in px, before it is turned.
        frames: how many.
        place: where each frame lies.
        turn: quarter turns to the left of the finished picture.
        first: frame of the demo clip that comes first.
    """

    source: str
    size: tuple[int, int]
    frames: int
    place: Callable[[int], Placed]
    turn: int = 0
    first: int = 0


def ramp(index: int, begin: int, end: int) -> float:
    """Return how far frame `index` is from `begin` to `end`, in [0, 1]."""
    return min(1.0, max(0.0, (index - begin) / (end - begin)))


def _through(x0: float, x1: float, begin: int, end: int, y: float = 0.0, scale: float = 1.0) -> Callable[[int], Placed]:
    return lambda i: Placed(x0 + (x1 - x0) * ramp(i, begin, end), y, scale)


def _lit(light: Callable[[int], float]) -> Callable[[int], Placed]:
    return lambda i: Placed(0, 0, 1, light(i))


SCENES: dict[str, Scene] = {
    "walks_in_left": Scene("driving-2", (1280, 400), 70, _through(-400, 760, 0, 40)),
    "walks_in_right_fast": Scene("driving-3", (1440, 400), 50, _through(1440, 200, 0, 18)),
    "across": Scene("driving-2", (1280, 400), 75, _through(-400, 1300, 0, 74)),
    "across_small": Scene("driving", (1280, 360), 70, _through(-180, 1180, 0, 69, 120, 0.4)),
    "comes_nearer": Scene(
        "driving", (1280, 600), 75, lambda i: Placed(60 + 760 * ramp(i, 5, 60), 80, 0.3 + 0.6 * ramp(i, 5, 60))
    ),
    "black_opening": Scene("driving-3", (384, 384), 40, _lit(lambda i: ramp(i, 14, 24))),
    "fades_out": Scene("driving", (512, 512), 60, _lit(lambda i: 1 - ramp(i, 30, 44)), first=40),
    "dips_to_black": Scene("driving-2", (384, 384), 60, _lit(lambda i: 1 - ramp(i, 15, 23) + ramp(i, 32, 42))),
    "leaves_right": Scene(
        "driving", (512, 512), 70, lambda i: Placed(512 * (ramp(i, 15, 30) - ramp(i, 42, 56)), 0), first=30
    ),
    "leaves_below": Scene("driving-3", (384, 384), 60, lambda i: Placed(0, 384 * (ramp(i, 12, 24) - ramp(i, 34, 46)))),
    "upside_down": Scene("driving", (512, 512), 40, lambda i: Placed(0, 0), turn=2),
    "on_its_side": Scene("driving-3", (384, 384), 40, lambda i: Placed(0, 0), turn=1),
    "on_its_other_side": Scene("driving-2", (512, 384), 40, lambda i: Placed(64, 0), turn=3),
    "cut_to_near": Scene(
        "driving", (900, 512), 60, lambda i: Placed(620, 250, 0.35) if i < 28 else Placed(40, 0, 1.0), first=20
    ),
}


def demo_frames(name: str) -> list[Frame]:
    """Return a demo clip's frames."""
    return list(read_video(DEMO / f"{name}.mp4"))


def source_index(scene: Scene, index: int, count: int) -> int:
    """Return which of a demo clip's `count` frames is frame `index` of a scene; it runs to and fro."""
    step = (scene.first + index) % max(2 * count - 2, 1)
    return step if step < count else 2 * count - 2 - step


def draw(scene: Scene, frames: list[Frame], index: int) -> Frame:
    """Return one frame of a scene before it is turned, uint8 `[H, W, 3]`."""
    placed, (width, height) = scene.place(index), scene.size
    lit = np.clip(frames[source_index(scene, index, len(frames))] * np.float32(placed.light), 0, 255).astype(np.uint8)
    picture = Image.fromarray(lit)
    if placed.scale < 1:
        small = round(picture.width * placed.scale), round(picture.height * placed.scale)
        picture = picture.resize(small, Image.Resampling.LANCZOS)
    across, down = lit.shape[1] * placed.scale / picture.width, lit.shape[0] * placed.scale / picture.height
    inverse = (1 / across, 0, -placed.x / across, 0, 1 / down, -placed.y / down)
    wall = tuple([round(_WALL * min(placed.light, 1))] * 3)
    affine, bicubic = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return np.asarray(picture.transform((width, height), affine, inverse, bicubic, fillcolor=wall))


def write(scene: Scene, path: Path) -> Path:
    """Draw a scene into a clip."""
    frames = demo_frames(scene.source)
    drawn = (np.rot90(draw(scene, frames, index), scene.turn) for index in range(scene.frames))
    width, height = scene.size if scene.turn % 2 == 0 else scene.size[::-1]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", str(FPS), "-i", "pipe:0"]
    command += ["-c:v", "libx264", "-preset", "fast", "-crf", "18", "-pix_fmt", "yuv420p", str(path)]
    raw = b"".join(np.ascontiguousarray(frame).tobytes() for frame in drawn)
    subprocess.run(command, input=raw, check=True)
    return path


def true_places(scene: Scene, places: NDArray[np.float32], index: int) -> NDArray[np.float32]:
    """Return where points `[K, 2]` of a demo frame, in its px, lie on the upright canvas at frame `index`, in px."""
    placed = scene.place(index)
    return places * np.float32(placed.scale) + np.array((placed.x, placed.y), np.float32)
