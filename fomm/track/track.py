"""The motion track: what a driving clip becomes, and all that a render needs of it.

Keypoints and Jacobians of every frame, the frame rate and which frames showed the face; no picture of the driver.
Stored as safetensors, whose header holds the schema version, the fingerprint of the keypoint detector and the rest.
A file from elsewhere is bounded: its size and shapes before it is read, its numbers before they move anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from fomm.config.arguments import given_path
from fomm.errors import MotionError, OutputError
from fomm.geometry.keypoints import Keypoints
from fomm.track.checks import check_track
from fomm.track.file import (
    FORMAT,
    MOST_BYTES,
    SCHEMA,
    bridges_text,
    check_header,
    check_numbers,
    parse_bridges,
    parse_fps,
    parse_shots,
    parse_size,
    read,
    write_whole,
)


@dataclass(frozen=True, eq=False)
class MotionTrack:
    """Keypoints of every frame of a driving clip, float32 on the CPU.

    Attributes:
        value: `[T, K, 2]`, x then y in [-1, 1] of the driving window.
        jacobian: `[T, K, 2, 2]`, or None for a translation-only model.
        fps: frames per second, exact.
        reference: index of the frame that relative motion may start from, in [0, T).
        detector: fingerprint of the keypoint detector; keypoints of another one mean something else.
        found: `[T]` bool, False where the face was not seen and the keypoints are interpolated.
        audio: where the clip's sound is, as the user named it, or None. A hint in a file from elsewhere: never open
            it unasked.
        size: width and height in px of the driving video, or None where unknown.
        shots: frames that begin a new shot, rising, the first one left out; each shot has a reference of its own.
        bridges: why frames do not show the face and how many each time, such as ("dark", 14); empty where unknown.
    """

    value: Tensor
    jacobian: Tensor | None
    fps: Fraction
    reference: int
    detector: str
    found: Tensor
    audio: str | None = None
    size: tuple[int, int] | None = None
    shots: tuple[int, ...] = ()
    bridges: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        check_track(self, "The motion track")

    def __len__(self) -> int:
        return len(self.value)

    def keypoints(self, start: int = 0, stop: int | None = None) -> Keypoints:
        """Return the keypoints of frames `start` to `stop` (not included)."""
        return Keypoints(self.value, self.jacobian)[start:stop]

    def slice(self, start: int = 0, stop: int | None = None) -> MotionTrack:
        """Return a part of the clip as a track of its own.

        The reference becomes the first frame that shows the face where it lies outside the part: to render one clip
        in parts, use `Transfer.driving(start, stop)`, which keeps one reference for all of them.

        Raises:
            MotionError: the part is empty.
        """
        frames = range(len(self))[start:stop]
        if not frames:
            raise MotionError(f"Frames {start} to {stop} of a motion track of {len(self)} frames are no part of it.")
        part = self.keypoints(frames.start, frames.stop)
        found = self.found[frames.start : frames.stop]
        reference = self.reference - frames.start if self.reference in frames else int(found.int().argmax())
        shots = tuple(start - frames.start for start in self.shots if frames.start < start < frames.stop)
        return replace(
            self,
            value=part.value,
            jacobian=part.jacobian,
            found=found,
            reference=reference,
            shots=shots,
            bridges=self.bridges if len(frames) == len(self) else (),
        )

    def by_shot(self) -> list[MotionTrack]:
        """Return every shot as a track of its own."""
        return [self.slice(start, stop) for start, stop in pairwise((0, *self.shots, len(self)))]

    @staticmethod
    def concat(parts: Sequence[MotionTrack]) -> MotionTrack:
        """Join tracks one after another; reference, sound and size are those of the first.

        Raises:
            MotionError: none is given, or they differ in detector, keypoints or frame rate.
        """
        if not isinstance(parts, Sequence) or not parts or not all(isinstance(part, MotionTrack) for part in parts):
            raise MotionError("Give at least one motion track to join, and nothing else.")
        first = parts[0]
        for part in parts[1:]:
            for name in ("detector", "fps"):
                if getattr(part, name) != getattr(first, name):
                    raise MotionError(
                        f"Motion tracks of different {name} ({getattr(first, name)} and {getattr(part, name)}) "
                        "cannot be joined; extract them the same way."
                    )
            if part.value.shape[1] != first.value.shape[1] or (part.jacobian is None) != (first.jacobian is None):
                raise MotionError("Motion tracks with different keypoints cannot be joined; use one model for both.")
        joined = Keypoints.cat([part.keypoints() for part in parts])
        found = torch.cat([part.found for part in parts])
        begun = accumulate((len(part) for part in parts[:-1]), initial=0)
        shots = tuple(start + shot for start, part in zip(begun, parts, strict=True) for shot in part.shots)
        return replace(first, value=joined.value, jacobian=joined.jacobian, found=found, shots=shots, bridges=())

    @property
    def bridged_line(self) -> str:
        """How many frames are bridged and why, in words; empty if none is."""
        missing = len(self) - int(self.found.sum())
        if not missing:
            return ""
        why = f" ({bridges_text(self.bridges)})" if self.bridges else ""
        return (
            f"the face was not seen well enough in {missing} of {len(self)} frames{why}; the photo rests or is moved "
            "from one side of the gap to the other there."
        )

    def bridged(self) -> MotionTrack:
        """Return the track with frames that do not show the face interpolated from their neighbours.

        Positions and Jacobians run linearly across each gap and hold still before the first and after the last found
        frame, in every shot by itself. `found` stays as it is. Whether a render follows what lies in a gap is another
        matter (`fomm.retarget.gaps`).

        Raises:
            MotionError: no frame shows the face.
        """
        known = self.found.nonzero().flatten()  # [F]
        if len(known) == len(self):
            return self
        if self.shots:
            whole = MotionTrack.concat([shot.bridged() for shot in self.by_shot()])
            return replace(self, value=whole.value, jacobian=whole.jacobian)
        if not len(known):
            raise MotionError(
                "No frame of the driving clip shows the face; mark it with --driving-box x,y,width,height."
            )
        frame = torch.arange(len(self))
        left = known[(torch.searchsorted(known, frame, right=True) - 1).clamp(min=0)]  # [T]
        right = known[torch.searchsorted(known, frame).clamp(max=len(known) - 1)]  # [T]
        weight = ((frame - left) / (right - left).clamp(min=1)).clamp(0, 1)  # [T]
        value = torch.lerp(self.value[left], self.value[right], weight[:, None, None])
        jacobian = self.jacobian
        if jacobian is not None:
            jacobian = torch.lerp(jacobian[left], jacobian[right], weight[:, None, None, None])
        return replace(self, value=value, jacobian=jacobian)

    def save(self, path: str | Path) -> None:
        """Write the track to a file, whole or not at all.

        Raises:
            OutputError: the file cannot be written or would be too large to be read again, or something that is no
                plain file is there.
            SettingsError: `path` is neither text nor a path.
        """
        path = given_path(path, "motion track", OutputError)
        if path.exists() and not path.is_file():  # a device would be replaced, by root at least
            raise OutputError(f"The motion track cannot be written to {path} (it is not a plain file); name a file.")
        tensors = {"value": self.value.contiguous(), "found": self.found.contiguous()}
        if self.jacobian is not None:
            tensors["jacobian"] = self.jacobian.contiguous()
        header = {
            "format": FORMAT,
            "schema": str(SCHEMA),
            "fps": f"{self.fps.numerator}/{self.fps.denominator}",
            "reference": str(self.reference),
            "detector": self.detector,
        }
        if self.audio is not None:
            header["audio"] = self.audio
        if self.size is not None:
            header["size"] = f"{self.size[0]}x{self.size[1]}"
        if self.shots:
            header["shots"] = ",".join(map(str, self.shots))
        if self.bridges:
            header["bridged"] = bridges_text(self.bridges)
        # File systems hold names that are not UTF-8. The sound's is a hint only, so what stands for them will do.
        header = {key: text.encode("utf-8", "replace").decode() for key, text in header.items()}
        data = to_bytes(tensors, header)
        if len(data) > MOST_BYTES:
            raise OutputError(
                f"The motion track {path} would have {len(data) / 1e6:.0f} MB, above the limit of "
                f"{MOST_BYTES / 1e6:.0f} MB; cut the clip into parts."
            )
        write_whole(path, data)

    @classmethod
    def load(cls, path: str | Path, detector: str | None = None) -> MotionTrack:
        """Read a track.

        Args:
            path: a file that `save` wrote.
            detector: fingerprint of the detector in use, to refuse the tracks of others; None accepts any.

        Raises:
            MotionError: the file is missing, too large, damaged, from a newer schema, or made by another detector, or
                its numbers are beyond what a face does.
            SettingsError: `path` is neither text nor a path.
        """
        path = given_path(path, "motion track", MotionError)
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise MotionError(f"{path} cannot be read as a motion track (it is not a plain file); name the file.")
        header, tensors = read(path)
        check_header(header, path, detector)
        try:
            track = cls(
                value=tensors["value"],
                jacobian=tensors.get("jacobian"),
                fps=parse_fps(header["fps"]),
                reference=int(header["reference"][:20]),
                detector=header["detector"],
                found=tensors["found"],
                audio=header.get("audio"),
                size=parse_size(header.get("size")),
                shots=parse_shots(header.get("shots")),
                bridges=parse_bridges(header.get("bridged")),
            )
            check_numbers(track.value, track.jacobian, "The motion track")
        except MotionError as error:
            raise MotionError(f"{path} is damaged: {error}") from error
        except KeyError as error:
            raise MotionError(f"{path} is damaged: {error.args[0]} is missing; extract it again.") from error
        except (ValueError, ZeroDivisionError) as error:
            raise MotionError(f"{path} is damaged: its header does not parse ({error}); extract it again.") from error
        return track
