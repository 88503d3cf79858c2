"""Options of the paper's demo and of LivePortrait, and what does the same here: an answer to whoever types them.

`docs/migrating.md` shows the same tables. In an answer, options stand behind the command they belong to; `fomm animate`
where none is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_ANIMATE = "fomm animate PHOTO DRIVING -o OUTPUT"


@dataclass(frozen=True)
class Foreign:
    """Options of another project that one answer fits.

    Attributes:
        names: as they are written there, the usual one first.
        answer: a sentence or two without their last full stop.
        example: a command line that does it here, or empty where there is nothing to do.
    """

    names: tuple[str, ...]
    answer: str
    example: str = ""

    def __str__(self) -> str:
        return f"{self.answer}: {self.example}" if self.example else f"{self.answer}."


def _of(names: str, answer: str, example: str = "") -> Foreign:
    return Foreign(tuple(names.split()), answer, example)


PAPER = (
    _of("--source_image", "The photo is the first argument", _ANIMATE),
    _of("--driving_video", "The driving clip is the second argument", _ANIMATE),
    _of("--result_video", "The file to make is named with --output", "fomm animate PHOTO DRIVING --output OUTPUT"),
    _of(
        "--checkpoint",
        "A checkpoint is named with --model; the paper's .pth.tar files load as they are",
        f"{_ANIMATE} --model MODEL",
    ),
    _of(
        "--config",
        "Not needed, because a checkpoint's settings are stored in it or told from the shapes of its weights; training "
        "takes a configuration as its first argument",
        "fomm train CONFIG DATA -o RUN",
    ),
    _of(
        "--relative",
        "Relative motion is the default; --mode absolute takes over the driver's face shape too",
        f"{_ANIMATE} --mode relative",
    ),
    _of(
        "--adapt_scale",
        "Motion is scaled to the photo's face unless --no-adapt-scale is given",
        f"{_ANIMATE} --adapt-scale",
    ),
    _of(
        "--find_best_frame",
        "The best matching driving frame counts as the photo's pose by default; the clip still starts at its beginning",
        f"{_ANIMATE} --reference best",
    ),
    _of(
        "--best_frame",
        "The driving frame that counts as the photo's pose is given with --reference, counted from 0",
        f"{_ANIMATE} --reference 0",
    ),
    _of(
        "--cpu", "Where to compute is chosen with --device; a GPU is taken if there is one", f"{_ANIMATE} --device cpu"
    ),
    _of(
        "--audio",
        "Not needed, because the driving clip's sound is kept; here --audio takes another sound file, and --silent "
        "leaves the sound out",
        f"{_ANIMATE} --audio SOUND",
    ),
    _of(
        "--mode",
        "Each mode of run.py is a command: train is fomm train, animate is fomm animate, reconstruction is fomm "
        "evaluate, which drives clips by themselves; of fomm animate, --mode says how motion is carried over",
        "fomm evaluate MODEL DATA -o RUN",
    ),
    _of("--log_dir", "The folder of a training run is given with fomm train --run", "fomm train CONFIG DATA --run RUN"),
    _of(
        "--device_ids",
        "One device is chosen with --device; several GPUs are used by starting fomm train with torchrun",
        "fomm train CONFIG DATA -o RUN --device auto",
    ),
    _of(
        "--verbose",
        "Not needed, because progress is shown in a terminal; what a model is made of is told by",
        "fomm checkpoint info MODEL",
    ),
)

LIVE_PORTRAIT = (
    _of("--source -s", "The photo is the first argument; a video cannot be the source here", _ANIMATE),
    _of(
        "--driving -d --driving_info",
        "The driving clip, or a motion track that fomm track made, is the second argument; .pkl templates are not read",
        _ANIMATE,
    ),
    _of(
        "--output_dir -o", "--output names the file itself, not a folder", "fomm animate PHOTO DRIVING --output OUTPUT"
    ),
    _of(
        "--flag_use_half_precision",
        "The precision is chosen for the device; --precision sets it",
        f"{_ANIMATE} --precision float32",
    ),
    _of(
        "--flag_force_cpu",
        "Where to compute is chosen with --device; a GPU is taken if there is one",
        f"{_ANIMATE} --device cpu",
    ),
    _of(
        "--device_id",
        "--device says what kind of device computes; which of several GPUs is left to CUDA_VISIBLE_DEVICES",
        f"{_ANIMATE} --device auto",
    ),
    _of("--flag_do_torch_compile", "Not needed, because a model is made fast for the device when it loads"),
    _of(
        "--flag_relative_motion --flag_relative",
        "Relative motion is the default; --mode absolute takes over the driver's face shape too",
        f"{_ANIMATE} --mode relative",
    ),
    _of(
        "--driving_multiplier",
        "The motion is multiplied with --strength, that of head or expression alone with --head or --expression",
        f"{_ANIMATE} --strength 1.2",
    ),
    _of(
        "--animation_region",
        "What moves is weighed with --head and --expression, 0 for not at all; lips and eyes cannot be chosen apart",
        f"{_ANIMATE} --head 0",
    ),
    _of(
        "--driving_option",
        "There is one way to carry motion over, for head and expression alike; --head and --expression weigh them",
        f"{_ANIMATE} --head 1 --expression 1",
    ),
    _of(
        "--driving_smooth_observation_variance",
        "How long a stretch of motion is smoothed is set with --smooth-window, in seconds; --no-smooth leaves it alone",
        f"{_ANIMATE} --smooth-window 0.5",
    ),
    _of(
        "--flag_normalize_lip --flag_lip_zero",
        "Not needed, because motion starts from the driving frame whose expression matches the photo's best",
        f"{_ANIMATE} --reference best",
    ),
    _of(
        "--flag_eye_retargeting --flag_source_video_eye_retargeting",
        "Eyes shut when the driver's do, whatever their shape; --no-full-blinks leaves that out",
        f"{_ANIMATE} --full-blinks",
    ),
    _of(
        "--flag_lip_retargeting",
        "Lips shut when the driver's do, whatever their shape; --no-lips-meet leaves that out",
        f"{_ANIMATE} --lips-meet",
    ),
    _of(
        "--flag_stitching --flag_pasteback",
        "The animated square always returns into the whole photo with a soft edge, unless --crop-only is given",
        f"{_ANIMATE} --no-crop-only",
    ),
    _of(
        "--flag_do_crop",
        "The face is always found and cropped; --source-face chooses one of several, --source-box gives the crop",
        f"{_ANIMATE} --source-face largest",
    ),
    _of("--flag_do_rot", "Not needed, because a tilted head is animated as it is tilted"),
    _of(
        "--flag_crop_driving_video",
        "Not needed, because the driving face is always found and cropped; --driving-box gives the crop by hand",
        f"{_ANIMATE} --driving-face largest",
    ),
    _of(
        "--scale --scale_crop_driving_video",
        "--zoom crops photo and driving clip more closely above 1, more widely below",
        f"{_ANIMATE} --zoom 0.9",
    ),
    _of(
        "--vx_ratio --vy_ratio --vx_ratio_crop_driving_video --vy_ratio_crop_driving_video",
        "A crop is moved by giving it by hand with --source-box or --driving-box, as x,y,width,height in px",
        f"{_ANIMATE} --source-box 120,40,300,300",
    ),
    _of(
        "--det_thresh",
        "Not needed, because the face finder has no threshold to tune; where it errs, --source-box and --driving-box "
        "give the crop by hand",
        f"{_ANIMATE} --source-box 120,40,300,300",
    ),
    _of("--source_max_dim --source_division", "Not needed, because the result keeps the photo's frame and resolution"),
    _of(
        "--dsize",
        "The size of the square belongs to the model; --crop-only gives the result in it",
        f"{_ANIMATE} --crop-only",
    ),
    _of(
        "--audio_priority --flag_add_sound",
        "The driving clip's sound is kept; --audio takes another file's instead, and --silent leaves it out",
        f"{_ANIMATE} --silent",
    ),
    _of(
        "--server_name --server_port -p --gradio_temp_dir",
        "The page in the browser is fomm studio; --host and --port say where it listens",
        "fomm studio --host 127.0.0.1 --port 7860",
    ),
)

_ANSWERS = {
    name.replace("_", "-"): entry for table in (LIVE_PORTRAIT, PAPER) for entry in table for name in entry.names
}
_ASKED_OF = {"", "animate", "demo", "track", "edit", "train", "evaluate", "studio"}
_ASKED_IN_SHORT = {"", "animate"}


def answer(option: str, command: str = "animate") -> str | None:
    """Return what to say to an unknown option, or None if it is of no project that people come from.

    Args:
        option: as typed, with dashes or underscores, plain or as the "no" form of a flag.
        command: the command it was given to, empty for none; short options are known of `animate` and none alone.
    """
    if command not in (_ASKED_OF if option.startswith("--") else _ASKED_IN_SHORT):
        return None
    plain = option.replace("_", "-")
    entry = _ANSWERS.get(plain) or _ANSWERS.get(plain.replace("--no-", "--", 1))
    return None if entry is None else str(entry)


def markdown(table: Iterable[Foreign]) -> str:
    """Return a table for the documentation: theirs, ours."""
    rows = ["| there | here |", "|---|---|"]
    for entry in table:
        ours = f"{entry.answer}: `{entry.example}`" if entry.example else entry.answer
        rows.append(f"| {', '.join(f'`{name}`' for name in entry.names)} | {ours} |")
    return "\n".join(rows)
