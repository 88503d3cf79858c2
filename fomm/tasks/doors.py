"""What is looked at before a render begins, and said of it: driving file, sound, size, and where the face is."""

from __future__ import annotations

import warnings
from pathlib import Path

from fomm.config.animate import TRACK_SUFFIX, AnimateSettings
from fomm.config.encode import EncodeSettings
from fomm.errors import FommWarning, MediaError, OutputError, SettingsError
from fomm.face.crop import CropWindow
from fomm.media.audio import probe_audio
from fomm.media.codecs import choose_codec, container_for
from fomm.media.photo.still import is_still_picture
from fomm.media.probe import probe
from fomm.track.track import MotionTrack
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.marks.formats import check_video_name, is_still_name

_PLAYED = 4096  # px of the long side that hardware decoders of H.264 go up to


def check_driving(driving: Path, output: Path, encode: EncodeSettings, detector: str) -> None:
    """Refuse a driving file that can be told from its header to be useless, or to be no picture for a picture.

    Args:
        driving: a clip, a motion track or a picture.
        output: the file to make.
        encode: how a video is encoded.
        detector: fingerprint of the keypoint detector in use.

    Raises:
        FommError: it is, or the output's name does not fit.
    """
    if driving.suffix == TRACK_SUFFIX:
        frames = len(MotionTrack.load(driving, detector))
    elif is_still_picture(driving):
        frames = 1
    else:
        frames = probe(driving).frame_count or 0
    if not is_still_name(output):
        check_video_name(output)
        choose_codec(encode, container_for(output))
    elif frames != 1:
        raise OutputError(
            f"{output} is the name of a picture, but {driving} moves: end the name in .mp4, or give a single "
            "picture as driver."
        )


def check_sound(audio: Path | None, silent: bool) -> None:
    """Refuse a sound file that has no sound, before the clip is read.

    Raises:
        SettingsError, MediaError: it has none, or silence was asked for as well.
    """
    if audio is None:
        return
    if silent:
        raise SettingsError("A sound file and silence were both asked for; leave out --audio or --silent.")
    if probe_audio(audio) is None:
        raise MediaError(f"{audio} holds no sound; give a file that does, or leave out --audio.")


def tell_reduced(authorisation: Authorisation, photo: Path, settings: AnimateSettings, *, moves: bool = True) -> None:
    """Warn where the result will have fewer pixels than the photo, or as a video more than players show.

    Args:
        authorisation: with the photo as it was reduced.
        photo: its file.
        settings: how it is rendered.
        moves: whether the result is a video.
    """
    if settings.refine.crop_only:
        return
    height, width = authorisation.image.shape[:2]
    told = ""
    if authorisation.photo.size != (width, height):
        told = f"the result will have {width}x{height}"
        kept_by_min_side = max(width, height) > settings.refine.max_side
        told += "; --min-side 0 lets it be smaller" if kept_by_min_side else "; --max-side original keeps its size"
    elif moves and max(width, height) > _PLAYED:
        told = f"few players show a video as large as that; --max-side {_PLAYED} makes a smaller one"
    if told:
        size = f"{authorisation.photo.width}x{authorisation.photo.height}"
        warnings.warn(f"{photo} has {size} px and {told}.", FommWarning, stacklevel=3)


def face_area(window: CropWindow, settings: AnimateSettings) -> tuple[float, float, float, float] | None:
    """Return the middle of the window, where the face is, in output pixels, so that the label stays off it."""
    if settings.refine.crop_only:
        return None
    inset = window.side * 0.2
    return (window.x + inset, window.y + inset, window.x + window.side - inset, window.y + window.side - inset)
