"""Streaming encode: frames in, one finished video file out, or nothing at all.

H.264 4:2:0 with the index at the front by default. Colours are converted and tagged as BT.709 in video range, so they
look the same in every player. A size that the codec cannot hold (odd sides) is padded to even by repeating the last
column or row: one pixel more, and no pixel of the picture is resampled. Frame times are exact fractions of a second.

By convention only `fomm.trust.release.film` opens a `VideoWriter` on generated frames; training clips of people who do
not exist are stored by `fomm.synthesis.clip.file`.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from fomm.config.encode import EncodeSettings
from fomm.errors import OutputError, SettingsError
from fomm.media.audio import AudioTrack, mux_command, probe_audio
from fomm.media.codecs import Container, choose_codec, container_for, encoder_options
from fomm.media.process import SCALE_FLAGS, Process, argument_url

__all__ = ["EncodeSettings", "VideoWriter"]

_BT709 = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv"}
# Keys every MP4 player shows; others need the QuickTime key table, which fewer read.
_COMMON_KEYS = {"title", "artist", "album", "comment", "description", "copyright", "genre", "date", "synopsis"}
_MOST_TERM = 1_000_000
_GIF_RATE = Fraction(50)  # GIF counts hundredths of a second and viewers slow anything below two of them
_PARTIAL = ".picture"


class VideoWriter:
    """Writes frames to a video file; a context manager that leaves a complete file or, after an exception, none.

    Args:
        path: file to write, replaced if it exists; its suffix sets the container.
        size: `(width, height)` of the frames in pixels.
        fps: exact frame rate, such as `Fraction(30000, 1001)`.
        settings: codec, quality and speed; the defaults when None.
        audio: clip or sound file to take the sound from; a clip without sound leaves the video silent. Sound is copied
            when the container holds its codec and otherwise re-encoded, starts with the first picture and is never
            longer than the picture.
        audio_start: seconds into `audio` (after its first picture) that fall on the first frame written.
        metadata: texts stored in the file, such as `{"title": "..."}`; GIF has no place for them.
        suffix: container to write when `path` is a temporary name, such as ".mp4".
        full_chroma: keep colour at full resolution (H.264 4:4:4), for data that is measured; few players show it.
        shown: name to call the file by in messages where `path` is a temporary one.

    Raises:
        OutputError: the folder is missing or not writable, or the file type is unknown.
        SettingsError: size, rate or codec do not fit.
        MediaError: the sound cannot be read.
    """

    def __init__(
        self,
        path: Path | str,
        size: tuple[int, int],
        fps: Fraction,
        settings: EncodeSettings | None = None,
        *,
        audio: Path | str | None = None,
        audio_start: Fraction = Fraction(0),
        metadata: Mapping[str, str] | None = None,
        suffix: str | None = None,
        full_chroma: bool = False,
        shown: Path | None = None,
    ) -> None:
        self.path = Path(path)
        self.shown = shown or self.path
        self.size = size
        self.fps = Fraction(fps)
        self.settings = settings or EncodeSettings()
        self.pixels = "yuv444p" if full_chroma else "yuv420p"
        self.frames_written = 0
        self._container = container_for(self.path, suffix)
        _check_request(self.path, self.size, self.fps)
        self._begin = Fraction(audio_start)
        self._track = probe_audio(audio) if audio is not None and self._container.encoder else None
        self._final = _mux_options(self._container, metadata or {})
        self._picture = self.path.with_name(self.path.name + _PARTIAL) if self._track else self.path
        # Held open, so that the sound is added to the pictures that were written and to no others.
        self._held = self._picture.open("wb") if self._track else None
        command = _encode_command(self._picture, self, self._container, {} if self._track else self._final)
        self._process = Process(command, stdin=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append one frame, uint8 `[H, W, 3]` RGB of the writer's size.

        Raises:
            OutputError: the encoder stopped, for example because the disk is full; nothing is left of the file.
            ValueError: the frame has another shape or type.
        """
        width, height = self.size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(f"expected a uint8 frame [{height}, {width}, 3], got {frame.dtype} {list(frame.shape)}")
        view = np.ascontiguousarray(_even(frame, self._container)).data.cast("B")
        try:
            done = 0
            while done < len(view):
                done += self._process.stdin.write(view[done:]) or 0
        except (OSError, ValueError) as error:
            self._process.wait(timeout=10)  # let it say why before it is killed
            self._fail(self._process, error)
        self.frames_written += 1

    def close(self) -> None:
        """Finish the file: flush the encoder, add the sound and write the index.

        Raises:
            OutputError: no frame was written, or the file cannot be completed; nothing is left of it.
        """
        try:
            if self.frames_written == 0:
                raise OutputError(f"{self.shown} would have no frames; nothing was written.")
            self._finish(self._process)
            if self._track:
                self._check_picture()
                self._process = Process(self._mux_command(self._track), tethered=True)
                self._finish(self._process)
                self._drop_picture()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Stop the encoder and remove everything written so far; safe to call again."""
        self._process.kill()
        self._drop_picture()
        with contextlib.suppress(OSError):
            if self.path.is_file():  # never a device that was named as the output
                self.path.unlink()

    def _check_picture(self) -> None:
        try:
            same = self._held is None or os.path.samestat(os.fstat(self._held.fileno()), self._picture.lstat())
        except FileNotFoundError:
            same = False
        if not same:
            raise OutputError(f"Another program changed the unfinished file of {self.shown}; choose another folder.")

    def _drop_picture(self) -> None:
        """Remove the pictures without sound, where they lie apart."""
        if self._held is not None:
            self._held.close()
            with contextlib.suppress(OSError):
                self._picture.unlink()

    def _mux_command(self, track: AudioTrack) -> Any:
        return mux_command(
            self._picture,
            track,
            argument_url(self.path),
            self._container,
            begin=self._begin,
            length=self.frames_written / self.fps,
            kbps=self.settings.audio_kbps,
            options=self._final,
        )

    def _finish(self, process: Process) -> None:
        if process.wait() != 0:
            self._fail(process, None)

    def _fail(self, process: Process, error: Exception | None) -> None:
        reason = process.reason()
        self.abort()
        if os.strerror(errno.ENOSPC) in reason or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
            raise OutputError(f"The disk is full, so {self.shown} was not written; free some space.") from error
        raise OutputError(f"{self.shown} could not be written ({reason}); try another folder or codec.") from error


def _check_request(path: Path, size: tuple[int, int], fps: Fraction) -> None:
    if min(size) < 1 or max(size) > 16384:
        raise SettingsError(f"A video of {size[0]}x{size[1]} px cannot be written; sides must be 1 to 16384 px.")
    if not 0 < fps <= 1000 or max(fps.numerator, fps.denominator) > _MOST_TERM:
        raise SettingsError(f"A frame rate of {fps} per second cannot be written; use a simple fraction up to 1000.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file in it.")
    if not path.parent.is_dir():
        raise OutputError(f"The folder {path.parent} does not exist; create it first.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"{path} is not writable; check the permissions or choose another folder.")


def _even(frame: NDArray[np.uint8], container: Container) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    if container.muxer == "gif" or not (height % 2 or width % 2):
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")  # [H + H % 2, W + W % 2, 3]


def _encode_command(target: Path, writer: VideoWriter, container: Container, final: dict[str, Any]) -> Any:
    width, height = writer.size
    options = encoder_options(choose_codec(writer.settings, container), writer.settings, container)
    if container.muxer != "gif":
        width, height = width + width % 2, height + height % 2
    video = ffmpeg.input("pipe:0", f="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", framerate=f"{writer.fps}")
    if container.muxer == "gif":
        video = _palette(video, min(writer.fps, _GIF_RATE))
    else:
        video = video.filter("scale", flags=SCALE_FLAGS, out_color_matrix="bt709", out_range="tv")
        video = video.filter("format", writer.pixels)
        # The scaler sets matrix and range only; the encoder takes primaries and transfer from the frames.
        video = video.filter("setparams", color_primaries="bt709", color_trc="bt709")
        # Said again on the output: left to guess, ffmpeg rounds rates that are near a common one.
        options |= _BT709 | {"r": f"{writer.fps}"}
    return ffmpeg.output(video, argument_url(target), **options, **(final or {"f": container.muxer}))


def _palette(video: Any, fps: Fraction) -> Any:
    """Give every GIF frame its own palette: one for the whole clip would need the whole clip in memory."""
    parts = video.filter("fps", fps=f"{fps}").split()
    palette = parts[0].filter("palettegen", stats_mode="single")
    return ffmpeg.filter([parts[1], palette], "paletteuse", new=1)


def _mux_options(container: Container, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the muxer's options: nothing inherited from the inputs, reproducible bytes, index first, our metadata."""
    options: dict[str, Any] = {"f": container.muxer, "map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}
    for number, (key, value) in enumerate(metadata.items()):
        if not key or "=" in key or "\0" in key + value:
            raise SettingsError(f"The metadata key {key!r} cannot be stored; use plain words without '='.")
        options[f"metadata:g:{number}"] = f"{key}={value}"
    if container.muxer in ("mp4", "mov"):
        custom = "" if set(metadata) <= _COMMON_KEYS else "+use_metadata_tags"
        options["movflags"] = f"+faststart{custom}"
    return options
