"""Stores a labelled clip: `NAME.mp4` and `NAME.npz`, each wholly there or not there.

These frames show nobody living and are training material for networks, so they carry neither label nor watermark, which
a network would learn to draw. What they are is said in the file itself, by a signed manifest, and in the licence beside
them. A clip is stored only while the records of all its portraits hold.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from fomm.config.encode import EncodeSettings
from fomm.errors import OutputError
from fomm.media.writer import VideoWriter
from fomm.synthesis.clip.curves import FPS
from fomm.synthesis.clip.draw import Clip
from fomm.trust.consent.portraits import PortraitLeave
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.keys.references import reference
from fomm.trust.marks.kinds import TRAINING_CLIP
from fomm.trust.marks.material import COMPOSITE, GENERATED, Material, seal_material
from fomm.trust.release.delivery import private_folder
from fomm.trust.release.held import HeldFile

_AI = "ai-generated"


def is_stored(folder: Path, name: str) -> bool:
    """Say whether a clip is there with its truth, which is written last."""
    return (folder / f"{name}.mp4").is_file() and (folder / f"{name}.npz").is_file()


def store_clip(folder: Path, name: str, clip: Clip, people: tuple[str, ...], leave: PortraitLeave) -> None:
    """Write both files.

    Args:
        folder: of the split.
        name: of the clip.
        clip: frames and truth.
        people: the portraits it is made of.
        leave: under which it is made; the ledger is asked once more.

    Raises:
        ConsentError: the record of one of the portraits does not hold any more.
        OutputError: the folder is not writable or the disk is full.
        TrustError: the clip cannot be signed.
    """
    leave.check(people)
    side = clip.frames.shape[1]
    origins = sorted({f"{leave.records[name].origin} ({leave.records[name].source})" for name in people})
    target = folder / f"{name}.mp4"
    settings = EncodeSettings(quality=clip.quality)
    comment = f"Synthetic training clip, drawn by fomm from portraits recorded as {', '.join(origins)}."
    with private_folder(target) as private, HeldFile(private / target.name, target) as held:
        with VideoWriter(
            held.path,
            (side, side),
            Fraction(FPS),
            settings,
            metadata={"comment": f"{comment} Shows nobody living."},
            full_chroma=True,
            shown=target,
        ) as writer:
            for frame in clip.frames:
                writer.write(frame)
        _seal(held, people, leave, origins)
        held.close()
        os.replace(held.path, target)
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


def _seal(held: HeldFile, people: tuple[str, ...], leave: PortraitLeave, origins: list[str]) -> None:
    """Sign a finished clip with what it is and, in references that only the key store can read, what it is made of."""
    keys = KeyStore(leave.home)
    clip_id = TRAINING_CLIP.id_of(held.look())
    generated = all(leave.records[name].origin == _AI for name in people)
    facts = {
        "origins": origins,
        "portraits": [reference(keys, clip_id, "consent", leave.records[name].consent) for name in people],
    }
    material = Material(TRAINING_CLIP, clip_id, GENERATED if generated else COMPOSITE, facts=facts)
    seal_material(held, material, ensure_identity(keys))
