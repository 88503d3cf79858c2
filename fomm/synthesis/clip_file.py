"""Stores a labelled clip: `NAME.mp4` and `NAME.npz`, each wholly there or not there.

These frames show nobody real and are training material for networks, so they carry neither label nor watermark, which
a network would learn to draw. What they are is said in the file itself and in the licence beside them.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from fomm.errors import OutputError
from fomm.media.codecs import EncodeSettings
from fomm.media.writer import VideoWriter
from fomm.synthesis.clip import Clip
from fomm.synthesis.curves import FPS

_METADATA = {"comment": "Computer-generated people, drawn by fomm as training data. Shows nobody real."}


def is_stored(folder: Path, name: str) -> bool:
    """Say whether a clip is there with its truth, which is written last."""
    return (folder / f"{name}.mp4").is_file() and (folder / f"{name}.npz").is_file()


def store_clip(folder: Path, name: str, clip: Clip) -> None:
    """Write both files.

    Raises:
        OutputError: the folder is not writable or the disk is full.
    """
    side = clip.frames.shape[1]
    partial = folder / f".{name}.mp4.partial"
    settings = EncodeSettings(quality=clip.quality)
    with VideoWriter(
        partial, (side, side), Fraction(FPS), settings, metadata=_METADATA, suffix=".mp4", full_chroma=True
    ) as writer:
        for frame in clip.frames:
            writer.write(frame)
    os.replace(partial, folder / f"{name}.mp4")
    partial = folder / f".{name}.npz.partial"
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **clip.truth)
        os.replace(partial, folder / f"{name}.npz")
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OutputError(f"{folder / name}.npz cannot be written ({error.strerror}); free some space.") from error
