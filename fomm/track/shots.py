"""Clips of several shots, whose motion is told from a reference in each: which one a setting means.

The driver of another framing is as large and lies as another camera sees them; told from one reference for the whole
clip, a cut would throw the photo's head about.
"""

from __future__ import annotations

from fomm.errors import MotionError
from fomm.track.track import MotionTrack


def shot_with_reference(track: MotionTrack, reference: str) -> tuple[int, MotionTrack]:
    """Return the shot that the reference is in, or the first one, and the frame that it begins with."""
    wanted = int(reference) if reference.isdecimal() else track.reference if reference == "stored" else 0
    if wanted >= len(track):
        raise MotionError(f"Reference frame {wanted} does not exist: the motion track has {len(track)} frames.")
    begun = max(start for start in (0, *track.shots) if start <= wanted)
    return begun, track.slice(begun, min((start for start in track.shots if start > wanted), default=None))


def reference_in_shot(reference: str, begun: int, frames: int | None = None) -> str:
    """Return the setting for a shot that begins at a frame; one that names a frame elsewhere is the best match."""
    if not reference.isdecimal():
        return reference
    own = int(reference) - begun
    return str(own) if own >= 0 and (frames is None or own < frames) else "best"
