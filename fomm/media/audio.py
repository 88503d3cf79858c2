"""The sound of a finished clip: found, placed in time against the picture, trimmed to it and muxed in.

The picture is encoded first; its exact length is then known and the sound is cut to it, so sound is never longer than
the picture and a short one never shortens it. Offsets come from the files' own timestamps: a driving clip's sound keeps
its place against the clip's first picture, whichever of the two begins first.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import ffmpeg

from fomm.errors import MediaError
from fomm.media.animated import read_animated_webp
from fomm.media.codecs import Container
from fomm.media.limits import check_file
from fomm.media.probe import first_picture, open_container
from fomm.media.process import open_input, tethered

# Containers whose clock ffmpeg restarts at the earliest stream in use, here the sound itself.
_RESTARTING = {"mpegts", "mpeg", "ogg", "dv", "aac", "wtv"}
_STEREO = 2
_TICK = 0.0001  # seconds by which rounded timestamps may miss zero


@dataclass(frozen=True)
class AudioTrack:
    """The sound to put under a clip.

    Attributes:
        path: the file it is in: a clip or a sound file.
        codec: its codec as ffmpeg names it.
        shift: seconds to add to ffmpeg's timestamps of this file so that zero is the file's first picture, or the
            beginning of the sound where there is no picture.
        channels: number of channels.
    """

    path: Path
    codec: str
    shift: Fraction
    channels: int


def probe_audio(path: Path | str) -> AudioTrack | None:
    """Return the first sound stream of a clip or sound file, or None for a clip that has only pictures.

    Raises:
        MediaError: the file is missing, empty, damaged, or holds neither sound nor pictures.
    """
    path = Path(path)
    if read_animated_webp(check_file(path)):
        return None
    with open_container(path) as container:
        sound = next(iter(container.streams.audio), None)
        if sound is None:
            if not container.streams.video:
                raise MediaError(f"{path} holds no sound; give a sound file or a clip with sound.")
            return None
        start = Fraction(container.start_time or 0, av.time_base)
        sound_start = start if sound.start_time is None else Fraction(sound.start_time) * (sound.time_base or 0)
        if not _RESTARTING.isdisjoint(container.format.name.split(",")):
            start = sound_start
        codec, channels = sound.codec_context.codec.canonical_name, sound.codec_context.channels
        picture = first_picture(container)
        zero = sound_start if picture is None else picture
        return AudioTrack(path=path, codec=codec, shift=start - zero, channels=channels)


def mux_command(
    picture: Path,
    track: AudioTrack,
    output: str,
    container: Container,
    *,
    begin: Fraction,
    length: Fraction,
    kbps: int,
    options: dict[str, Any],
) -> Any:
    """Build the command, for a tethered `Process`, that copies `picture` and puts `track` under it.

    Args:
        picture: encoded video without sound.
        track: the sound.
        output: ffmpeg address to write to.
        container: the container of both.
        begin: seconds into the track (after its own zero) that fall on the first picture.
        length: seconds of picture; no sound lasts beyond.
        kbps: bit rate when the sound has to be re-encoded.
        options: further output options (muxer, metadata).
    """
    video = open_input(picture)["v:0"]
    sound = open_input(track.path, itsoffset=f"{float(track.shift - begin):.6f}", vn=None)["a:0"]
    if track.codec in container.copied:
        # Whole packets only: one that is over before the first picture, or not over at the last, is left out. The
        # packet just before zero stays: decoders need it to build up the first sound.
        after = f"gt((pts+duration)*tb\\,{float(length):.6f})"
        plan: dict[str, Any] = {"c:a": "copy", "bsf:a": f"noise=drop=lt((pts+duration)*tb\\,{-_TICK})+{after}"}
    else:
        # Fills gaps and cuts overlaps so that sample count follows the timestamps: no drift however long it is.
        sound = sound.filter("aresample", 48000, **{"async": 1, "first_pts": 0}).filter("atrim", end=float(length))
        channels = {"ac": _STEREO} if track.channels > _STEREO else {}
        plan = {"c:a": container.encoder, "b:a": f"{kbps}k"} | channels
    made = ffmpeg.output(video, sound, output, **{"c:v": "copy", "t": f"{float(length):.6f}"}, **plan, **options)
    return tethered(made, video)
