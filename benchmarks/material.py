"""What the end-to-end and memory measurements animate: photos, driving clips, a model and a throw-away ledger."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from fomm.config.training.compact import CompactSettings
from fomm.model.build import build_model
from fomm.tasks.demo import demo_files, record_demo_consent
from fomm.trust.consent.ledger import Ledger
from fomm.weights.loading import save_model

TINY = CompactSettings(
    image_size=64,
    motion_side=16,
    tied_keypoints=3,
    free_keypoints=1,
    detector_width=4,
    motion_width=4,
    max_width=8,
    levels=2,
    generator_width=4,
    generator_blocks=0,
)


def random_checkpoint(settings: CompactSettings, folder: Path) -> Path:
    """Save an untrained compact model: as fast as a trained one."""
    path = folder / "random.safetensors"
    save_model(path, build_model(settings), name="random", licence="none", origin="random weights")
    return path


def demo_photo(folder: Path, width: int, height: int) -> Path:
    """Save the demo portrait in a picture of this size, its height filling the picture's."""
    portrait, _ = demo_files()
    with Image.open(portrait) as image:
        square = np.asarray(image.convert("RGB").resize((height, height), Image.Resampling.LANCZOS))
    left = (width - height) // 2
    wide = np.pad(square, ((0, 0), (left, width - height - left), (0, 0)), mode="edge")
    path = folder / f"photo-{width}x{height}.png"
    Image.fromarray(wide).save(path)
    return path


def driving_clip(folder: Path, seconds: float) -> Path:
    """Loop the demo's driving clip, with its sound, to this length."""
    _, clip = demo_files()
    path = folder / f"driving-{seconds:g}.mp4"
    loop = ["-stream_loop", "-1", "-i", str(clip), "-t", f"{seconds:g}", "-c", "copy", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *loop], check=True)
    return path


def ledger_with(folder: Path, photos: list[Path]) -> Ledger:
    """Return a ledger of its own that holds the consent for these photos of nobody."""
    ledger = Ledger(folder / "home")
    for photo in photos:
        record_demo_consent(photo, ledger)
    return ledger
