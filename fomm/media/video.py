"""Streaming decode: any clip to upright RGB frames at a constant, exact frame rate.

ffmpeg runs as a child process that resamples by timestamp, turns, crops and scales, so only small frames cross the
pipe; a thread reads a few frames ahead so that decoding overlaps with the caller's work. Memory is a handful of
frames however long the clip is. A clip that is damaged part-way yields its readable frames and then a `MediaWarning`;
one without a single readable frame raises.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from fomm.errors import MediaError, SettingsError
from fomm.media.limits import MediaLimits, MediaWarning
from fomm.media.prefetch import Frame, Prefetch
from fomm.media.probe import VideoInfo, probe
from fomm.media.process import SCALE_FLAGS, Process, open_input

__all__ = ["VideoInfo", "probe", "read_video", "sample_frames"]

# Frames are assigned to the nearest tick of the output clock. A source at a multiple of the output rate lands exactly
# between two ticks, where rounding noise would decide; moving the clock by this share of a frame decides for the
# earlier source frame, the same whether the clip is read from the start or from the middle.
_TIE_BREAK = Fraction(7, 100)
CHROMA_STEP = 4
"""Pixels: a crop inside of the picture whose numbers are multiples of it costs a third less to cut."""
_SEEKS_AT_ONCE = 4
_SHORT_BY = Fraction(1, 2)  # seconds a clip may fall short of its header before that is worth a warning


def read_video(
    path: Path | str,
    *,
    fps: Fraction | None = None,
    crop: tuple[int, int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stop: int | None = None,
    limits: MediaLimits | None = None,
) -> Generator[Frame, None, None]:
    """Read a clip as a stream of frames; the header is checked at once, ffmpeg starts with the first frame asked for.

    Frame `i` shows the clip at `i / fps` seconds after its first picture, whether or not `start` skips to it. Closing
    or dropping the iterator ends ffmpeg.

    Args:
        path: any video container ffmpeg reads.
        fps: rate to resample to; the clip's own (average) rate when None.
        crop: window `(x, y, width, height)` in displayed pixels, cut before scaling; parts outside the picture repeat
            its edge.
        size: output `(width, height)`; the crop's (or the picture's) own when None.
        start: first frame index to yield, at the output rate.
        stop: index after the last frame, or None for the end.
        limits: the largest and longest clip accepted; the defaults when None.

    Yields:
        uint8 `[H, W, 3]` RGB, a fresh array each.

    Raises:
        MediaError: the clip cannot be read, is too large or too long, or the crop misses the picture.
        SettingsError: `fps`, `size`, `crop`, `start` or `stop` make no sense.
    """
    limits = limits or MediaLimits()
    info = probe(path, limits)
    rate = info.fps if fps is None else Fraction(fps)
    _check_request(rate, crop, size, start, stop)
    out_width, out_height = size or (crop[2:] if crop else (info.width, info.height))
    limits.check_size(f"The frame asked of {path}", out_width, out_height)
    command = _decode_command(info, rate, crop, (out_width, out_height), (start, stop), limits)
    return _frames(command, info, rate, (out_height, out_width, 3), (start, stop), limits)


def sample_frames(path: Path | str, count: int, limits: MediaLimits | None = None) -> list[tuple[int, Frame]]:
    """Return up to `count` evenly spaced frames of a clip by seeking, without decoding what lies between.

    Args:
        path: any video container ffmpeg reads.
        count: number of frames wanted, at least 1; a shorter clip gives as many as it has.
        limits: the largest and longest clip accepted; the defaults when None.

    Returns:
        Pairs of frame index (at the clip's own rate) and uint8 `[H, W, 3]` RGB frame, in order.

    Raises:
        MediaError: the clip cannot be read or no frame of it can.
        SettingsError: `count` is below 1.
    """
    if count < 1:
        raise SettingsError(f"The number of frames to sample must be at least 1, not {count}.")
    limits = limits or MediaLimits()
    info = probe(path, limits)
    if info.frame_count is None:
        return _sample_by_reading(path, count, limits)
    wanted = sorted({min(info.frame_count - 1, info.frame_count * (2 * i + 1) // (2 * count)) for i in range(count)})

    def sample(index: int) -> list[tuple[int, Frame]]:
        return [(index, frame) for frame in read_video(path, start=index, stop=index + 1, limits=limits)]

    # Each ffmpeg waits more, for the disk and its own threads, than it computes.
    with ThreadPoolExecutor(_SEEKS_AT_ONCE) as pool:
        found = [pair for pairs in pool.map(sample, wanted) for pair in pairs]
    # A header may promise more than there is: whatever the clip does hold is at its beginning.
    return found or _sample_by_reading(path, count, limits)


def _sample_by_reading(path: Path | str, count: int, limits: MediaLimits) -> list[tuple[int, Frame]]:
    """Sample a clip of unknown length in one pass, thinning out by half whenever twice too many frames are kept."""
    kept: list[tuple[int, Frame]] = []
    stride = 1
    for index, frame in enumerate(read_video(path, limits=limits)):
        if index % stride == 0:
            kept.append((index, frame))
        if len(kept) >= 2 * count:
            kept, stride = kept[::2], stride * 2
    return [kept[len(kept) * (2 * i + 1) // (2 * count)] for i in range(count)] if len(kept) > count else kept


def _check_request(
    fps: Fraction,
    crop: tuple[int, int, int, int] | None,
    size: tuple[int, int] | None,
    start: int,
    stop: int | None,
) -> None:
    if not 0 < fps <= 1000:
        raise SettingsError(f"The frame rate must be above 0 and at most 1000 per second, not {fps}.")
    if size is not None and min(size) < 1:
        raise SettingsError(f"The frame size must be at least 1x1 px, not {size[0]}x{size[1]}.")
    if crop is not None and min(crop[2:]) < 1:
        raise SettingsError(f"The crop must be at least 1x1 px, not {crop[2]}x{crop[3]}.")
    if start < 0 or (stop is not None and stop < start):
        raise SettingsError(f"Frames {start} to {stop} are not a range; start at 0 or later and stop after it.")


def _decode_command(
    info: VideoInfo,
    fps: Fraction,
    crop: tuple[int, int, int, int] | None,
    size: tuple[int, int],
    span: tuple[int, int | None],
    limits: MediaLimits,
) -> Any:
    """Build: seek > resample in time > square pixels > crop > scale and convert to RGB > pipe."""
    start, stop = span
    seek: dict[str, Any] = {}
    if start and info.seekable:
        # Lands on a key frame at or before the target; the clock below drops the frames up to the target but shows
        # the last of them there if none is exact, so every frame equals the one an unbroken reading gives.
        seek = {"ss": f"{float(info.offset + start / fps):.6f}", "noaccurate_seek": None}
    video = open_input(info.path, max_pixels=limits.max_pixels, **seek)[str(info.stream)]
    if not seek:
        video = video.filter("setpts", "PTS-STARTPTS")
    clock = (0 if seek else start / fps) - _TIE_BREAK / fps
    video = video.filter("fps", fps=f"{fps}", start_time=f"{float(clock):.9f}")
    matrix = {"in_color_matrix": info.matrix} if info.matrix else {}
    if crop is not None:
        # Also fixes the size should the stream change its own half-way; free when there is nothing to change.
        video = video.filter("scale", info.width, info.height, flags=SCALE_FLAGS).filter("setsar", 1)
        video = _crop(video, info, crop, matrix)
    video = video.filter("scale", *size, flags=SCALE_FLAGS, **matrix)
    length = {} if stop is None else {"frames:v": stop - start}
    return ffmpeg.output(video, "pipe:1", f="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", **length)


def _crop(video: Any, info: VideoInfo, crop: tuple[int, int, int, int], matrix: dict[str, str]) -> Any:
    """Cut a window that may leave the picture, repeating the picture's edge where it does."""
    x, y, width, height = crop
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, info.width), min(y + height, info.height)
    if right <= left or bottom <= top:
        raise MediaError(f"The crop {crop} misses the {info.width}x{info.height} px picture of {info.path}; move it.")
    # Subsampled chroma can only be cut at multiples of its step: cut a little more, then exactly, in planar RGB.
    wide_left, wide_top = left - left % CHROMA_STEP, top - top % CHROMA_STEP
    wide_width = min(right + -right % CHROMA_STEP, info.width) - wide_left
    wide_height = min(bottom + -bottom % CHROMA_STEP, info.height) - wide_top
    video = video.filter("crop", wide_width, wide_height, wide_left, wide_top, exact=1)
    if (wide_left, wide_top, wide_width, wide_height) == crop:
        return video
    video = video.filter("scale", flags=SCALE_FLAGS, **matrix).filter("format", "gbrp")
    video = video.filter("crop", right - left, bottom - top, left - wide_left, top - wide_top)
    if (left, top, right - left, bottom - top) == crop:
        return video
    missing = {"left": left - x, "right": x + width - right, "top": top - y, "bottom": y + height - bottom}
    return _extend(video, (right - left, bottom - top), missing)


def _extend(video: Any, size: tuple[int, int], missing: dict[str, int]) -> Any:
    """Repeat the edge outwards by so many pixels a side, each step by no more than there is: the filter's limit."""
    width, height = size
    while any(missing.values()):
        step = {side: min(n, width if side in ("left", "right") else height) for side, n in missing.items()}
        width += step["left"] + step["right"]
        height += step["top"] + step["bottom"]
        video = video.filter("pad", width, height, step["left"], step["top"]).filter(
            "fillborders", mode="smear", **step
        )
        missing = {side: n - step[side] for side, n in missing.items()}
    return video


def _frames(
    command: Any,
    info: VideoInfo,
    fps: Fraction,
    shape: tuple[int, int, int],
    span: tuple[int, int | None],
    limits: MediaLimits,
) -> Generator[Frame, None, None]:
    start, stop = span
    most = limits.max_duration_s * fps
    process = Process(command, stdout=True)
    reader = Prefetch(process.stdout, shape)
    count = 0
    try:
        for frame in reader:
            count += 1
            if count > most:
                limits.check_duration(str(info.path), count / fps)
            yield frame
        code = process.wait(timeout=30)
        if stop is None or count < stop - start:
            _judge_end(process, code, info, count, start, fps)
    finally:
        process.kill()
        reader.close()


def _judge_end(process: Process, code: int, info: VideoInfo, count: int, start: int, fps: Fraction) -> None:
    """Raise when nothing could be read, warn when the clip ended before its time because of damage."""
    if start + count == 0:
        raise MediaError(f"{info.path} has no readable frames ({process.reason()}); export or download it again.")
    seconds = (start + count) / fps
    short = info.duration is not None and count > 0 and info.duration - seconds > _SHORT_BY
    if code != 0 or (short and process.complained):
        whole = "" if info.duration is None else f" of {float(info.duration):.2f} s"
        message = (
            f"{info.path} is damaged ({process.reason()}): only its first {float(seconds):.2f} s{whole} were used."
        )
        warnings.warn(message, MediaWarning, stacklevel=3)
