"""What a clip says about itself: size, exact frame rate, length, rotation and sound, read from its header.

Only the header and the first frame are decoded (by PyAV, which gives exact fractions); everything else runs in a
separate ffmpeg process. Time zero is the first picture of the video stream, whatever start time the file carries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fomm.errors import MediaError
from fomm.media.animated import AnimatedWebp, read_animated_webp
from fomm.media.limits import MediaLimits, check_file, sniff_file
from fomm.media.process import CONTAINERS, file_url

_STANDARD_RATES = [Fraction(n) for n in (5, 6, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)]
_STANDARD_RATES += [Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120, 240)]
_FALLBACK_RATE = Fraction(25)
_MOST_NOMINAL = Fraction(60)
_UNSPECIFIED_MATRIX = 2  # AVCOL_SPC_UNSPECIFIED
_HD_HEIGHT = 720
_INDEXED = {"mov", "matroska"}
# Tags that are not UTF-8 must not make a clip unreadable; from release 19 on PyAV sees to that without being asked.
_LENIENT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}


@dataclass(frozen=True)
class VideoInfo:
    """What `probe` found.

    Attributes:
        path: the file.
        width: displayed width in pixels, after rotation and with square pixels.
        height: displayed height in pixels, likewise.
        fps: frame rate to read at, exact; the average rate of a clip with variable rate.
        duration: length of the picture in seconds, None when the file does not say.
        frame_count: estimated number of frames at `fps`, None when the file does not say.
        has_audio: whether there is a sound stream.
        audio_codec: its codec as ffmpeg names it, or None.
        rotation: clockwise degrees by which the stored picture is turned for display: 0, 90, 180 or 270.
        offset: seconds from the start of the file to its first picture (sound may begin earlier).
        stream: index of the video stream in the file.
        seekable: whether the container has an index that leads to a key frame at or before any time.
        matrix: colour matrix to assume when the file does not name one ("bt709" for HD), else None.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    duration: Fraction | None
    frame_count: int | None
    has_audio: bool
    audio_codec: str | None
    rotation: int
    offset: Fraction = Fraction(0)
    stream: int = 0
    seekable: bool = False
    matrix: str | None = None


def open_container(path: Path) -> InputContainer:
    """Open a file's header with PyAV under the same restrictions as `process.open_input`.

    Raises:
        MediaError: missing, empty, not a container that is accepted, or damaged.
    """
    check_file(path)
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        container: InputContainer = av.open(file_url(path), mode="r", options=options, **_LENIENT)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} {_why_not(path, error)}") from error
    return container


def probe(path: Path | str, limits: MediaLimits | None = None) -> VideoInfo:
    """Read a clip's header and first frame.

    Args:
        path: any video container ffmpeg reads (MP4, MOV, MKV, WebM, AVI, MPEG-TS, GIF...).
        limits: the largest and longest clip accepted; the defaults when None.

    Raises:
        MediaError: missing, empty, damaged, not a video, without pictures, too large or too long.
    """
    limits = limits or MediaLimits()
    path = Path(path)
    animated = read_animated_webp(check_file(path))
    if animated is not None:
        return _describe_webp(path, animated, limits)
    with open_container(path) as container:
        stream = _moving_picture(container)
        if stream is None:
            raise MediaError(f"{path} has no moving picture, only sound or other data; give a video file.")
        # Before any frame is decoded, so that a header cannot make the decoder allocate what it claims.
        limits.check_size(str(path), stream.codec_context.width, stream.codec_context.height)
        frame = _first_frame(container, stream, path)
        return _describe(path, container, stream, frame, limits)


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, frame: VideoFrame, limits: MediaLimits
) -> VideoInfo:
    rotation = round(-frame.rotation / 90) * 90 % 360
    width, height = _display_size(frame.width, frame.height, stream.sample_aspect_ratio, rotation)
    limits.check_size(str(path), width, height)
    fps = _frame_rate(stream, limits)
    offset = _offset(container, stream, frame)
    duration = _duration(container, stream, offset)
    if duration is not None:
        limits.check_duration(str(path), duration)
    audio = next(iter(container.streams.audio), None)
    untagged = int(frame.colorspace) == _UNSPECIFIED_MATRIX and "rgb" not in frame.format.name
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        fps=fps,
        duration=duration,
        frame_count=None if duration is None else max(1, round(duration * fps)),
        has_audio=audio is not None,
        audio_codec=None if audio is None else audio.codec_context.codec.canonical_name,
        rotation=rotation,
        offset=offset,
        stream=stream.index,
        seekable=not _INDEXED.isdisjoint(container.format.name.split(",")),
        matrix="bt709" if untagged and min(width, height) >= _HD_HEIGHT else None,
    )


def _describe_webp(path: Path, found: AnimatedWebp, limits: MediaLimits) -> VideoInfo:
    limits.check_size(str(path), found.width, found.height)
    limits.check_duration(str(path), found.duration)
    fps = _snapped(found.frames / found.duration, limits)
    return VideoInfo(
        path=path,
        width=found.width,
        height=found.height,
        fps=fps,
        duration=found.duration,
        frame_count=max(1, round(found.duration * fps)),
        has_audio=False,
        audio_codec=None,
        rotation=0,
    )


def first_picture(container: InputContainer) -> Fraction | None:
    """Return when the first picture is shown, in seconds on the file's own clock, or None without any picture."""
    stream = _moving_picture(container)
    try:
        return None if stream is None else _first_time(stream, next(container.decode(stream)))
    except (av.FFmpegError, OSError, ValueError, StopIteration):
        return None


def _moving_picture(container: InputContainer) -> VideoStream | None:
    """Return the first video stream that is not a cover picture."""
    cover = av.stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if cover not in stream.disposition), None)


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    try:
        return next(container.decode(stream))
    except StopIteration:
        raise MediaError(f"{path} holds no frames; export or download it again.") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MediaError(f"{path} has no readable picture ({reason}); export or download it again.") from error


def _display_size(width: int, height: int, aspect: Fraction | None, rotation: int) -> tuple[int, int]:
    """Return the size with square pixels (the shorter side is stretched, so no detail is lost) and upright."""
    if aspect and aspect > 1:
        width = round(width * aspect)
    elif aspect and aspect > 0:
        height = round(height / aspect)
    return (height, width) if rotation in (90, 270) else (width, height)


def _frame_rate(stream: VideoStream, limits: MediaLimits) -> Fraction:
    """Return the clip's rate, snapped to a standard one when very near (millisecond containers round it).

    The nominal rate is preferred to the average one unless it is far above it: a 30 fps recording that dropped frames
    stays 30 fps. Frames are resampled by their timestamps, so no choice here can drift from the sound.
    """
    average, nominal = stream.average_rate or Fraction(0), stream.guessed_rate or Fraction(0)
    if stream.codec_context.name == "gif" and stream.frames > 1 and stream.duration and stream.time_base:
        # Its hundredths of a second make single frames look faster or slower than the clip is.
        average = nominal = stream.frames / (stream.duration * stream.time_base)
    rate = nominal if average <= 0 or average < nominal <= min(2 * average, _MOST_NOMINAL) else average
    return _snapped(rate, limits) if rate > 0 else _FALLBACK_RATE


def _snapped(rate: Fraction, limits: MediaLimits) -> Fraction:
    near = min(_STANDARD_RATES, key=lambda standard: abs(standard - rate))
    # 24 and 24000/1001 differ by one part in a thousand, so a quarter of that cannot confuse them.
    if abs(near - rate) < near / 4000:
        rate = near
    return min(rate, Fraction(limits.max_fps)).limit_denominator(10_000) or _FALLBACK_RATE


def _first_time(stream: VideoStream, frame: VideoFrame) -> Fraction | None:
    ticks = frame.pts if frame.pts is not None else stream.start_time
    time_base = frame.time_base or stream.time_base
    return None if ticks is None or time_base is None else Fraction(ticks) * time_base


def _offset(container: InputContainer, stream: VideoStream, frame: VideoFrame) -> Fraction:
    first = _first_time(stream, frame)
    if first is None:
        return Fraction(0)
    return max(Fraction(0), first - Fraction(container.start_time or 0, av.time_base))


def _duration(container: InputContainer, stream: VideoStream, offset: Fraction) -> Fraction | None:
    """Return the picture's own length; the container's may be longer because of the sound."""
    if stream.duration and stream.time_base:
        return Fraction(stream.duration) * stream.time_base
    end = _clock(stream.metadata.get("DURATION", "")) or Fraction(container.duration or 0, av.time_base)
    return end - offset if end > offset else None


def _clock(text: str) -> Fraction | None:
    """Read Matroska's "hours:minutes:seconds.fraction" end of a stream."""
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3]) if found else None


def _why_not(path: Path, error: Exception) -> str:
    kind = sniff_file(path)
    if kind in ("picture", "HEIC picture", "playlist", "text"):
        return f"is a {kind} file, not a video or sound file; give the clip itself."
    reason = str(getattr(error, "strerror", None) or error)
    if kind in ("video", "sound"):
        return f"is damaged or incomplete ({reason}); export or download it again."
    return f"is not a video or sound file that can be read ({reason}); convert it to MP4."
