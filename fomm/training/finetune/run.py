"""Fine-tune a compact model on one consented person: what the command line calls.

Consent comes first: it must allow to train, and name every clip by its hash. What comes out is one file, bound to that
consent (`fomm.trust.release.bind`). Nothing else is written: no state, no contact sheets, no frames of the person.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fomm.config.face import FaceSettings
from fomm.config.refine import Fit
from fomm.config.training.finetune import PersonSettings
from fomm.errors import ConsentError, FaceError, FommWarning, SettingsError
from fomm.face.locate import FaceFinder
from fomm.face.whole_head import Person
from fomm.face.windows import driving_window, portrait_window
from fomm.media.limits import PHOTO_LIMITS, check_file
from fomm.media.probe import probe
from fomm.media.video import read_video
from fomm.model.compact import CompactModel
from fomm.source.canvas import Oval, continued
from fomm.source.hair import FaceOval
from fomm.training.finetune.task import FinetuneTask, Frames
from fomm.training.loop.progress import Listener, log_progress
from fomm.training.loop.trainer import Trainer
from fomm.training.loop.workers import choose_device
from fomm.training.losses.perceptual import Vgg16, bundled_vgg16
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.bound import TRAIN
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.suggestion import grant_command
from fomm.trust.consent.terms import hash_clips
from fomm.trust.release.bind import reserve_model
from fomm.trust.release.delivery import check_destination
from fomm.weights.files import save_checkpoint
from fomm.weights.loading import load_model

SUFFIX = ".safetensors"
_MOST_FRAMES = 1500  # of all clips together, about 300 MB at 256 px
_DEPTHS = (2, 3)
_FIT = Fit(2160)  # of the portrait, of which the model sees 256 px


@dataclass(frozen=True)
class FinetuneResult:
    """What `finetune` made.

    Attributes:
        path: the model.
        output_id: its id in the registry.
        consent: id of the consent it is bound to.
        frames: how many frames of clips it learnt from.
        perceptual: whether the perceptual loss took part.
    """

    path: Path
    output_id: str
    consent: str
    frames: int
    perceptual: bool


def finetune(
    portrait: Path,
    output: Path,
    settings: PersonSettings,
    *,
    clips: Path | None = None,
    device: str = "auto",
    force: bool = False,
    ledger: Ledger | None = None,
    on_progress: Listener = log_progress,
) -> FinetuneResult:
    """Adapt a model to the person in a photo and bind it to their consent.

    Args:
        portrait: the consented photo; the result animates this one and no other.
        output: the checkpoint to make.
        settings: how.
        clips: folder of videos of the person, each named in the consent.
        device: "auto", "cpu", "cuda" or "mps".
        force: replace an existing output.
        ledger: where consents are recorded; the user's own by default.
        on_progress: called with reports of progress.

    Raises:
        FommError: each failure in one sentence; nothing is left half-written.
    """
    if output.suffix != SUFFIX:
        raise SettingsError(f"{output} must end in {SUFFIX}: a model is a safetensors file.")
    check_destination(output, [portrait], force=force)
    with check_file(portrait).open("rb") as file:
        data = file.read(PHOTO_LIMITS.max_image_bytes + 1)  # one byte too many says that it is too large
    leave = authorise(data, purpose=TRAIN, ledger=ledger or Ledger(), name=str(portrait), fit=_FIT)
    allowed = _allowed_clips(leave, portrait, clips)
    if not allowed:
        warnings.warn(
            "from the photo alone a model gains next to nothing; give --clips, a folder of videos of that person.",
            FommWarning,
            stacklevel=2,
        )
    loaded = load_model(settings.model)
    if not isinstance(loaded.model, CompactModel):
        raise SettingsError(f"'{settings.model}' is not of the compact family; only such models can be fine-tuned.")
    place, features = choose_device(device), backbone(settings.backbone)
    finder, side = FaceFinder(), loaded.model.settings.image_size
    try:
        person = _person(loaded.model)
        window = portrait_window(leave.image, finder, settings.face, person, leave.photo.size)  # as it will be rendered
        shown = continued(leave.image, window, side, person, _oval(loaded.model))
        photo = shown.window.crop(shown.picture, side)
    except FaceError as error:
        raise FaceError(f"{portrait}: {error}") from error
    frames = [_read(clip, finder, settings.face, side, _MOST_FRAMES // len(allowed)) for clip in allowed]
    digest = hashlib.sha256("".join(sorted(allowed.values())).encode()).hexdigest() if allowed else ""
    with reserve_model(
        output,
        leave,
        [portrait, *allowed],
        clips=digest,
        model=loaded.info.sha256,
        settings=settings.digest(),
        force=force,
    ) as draft:
        task = FinetuneTask(loaded.model, photo, frames, settings.learn, features, place)
        trainer = Trainer(task, None, place, on_progress=_asking(leave, on_progress))
        trainer.run()
        header = replace(
            loaded.info.header,
            name=output.stem,
            origin=f"fine-tuned by fomm on one consented person, from {loaded.info.header.name}",
            licence="private",
            binding=draft.binding,
        )
        save_checkpoint(draft.partial, trainer.state.averaged, header)
        draft.deliver()
    count = sum(len(clip) for clip in frames)
    return FinetuneResult(output, draft.binding["id"], leave.consent.id, count, features is not None)


def _person(model: CompactModel) -> Person:
    """Return what finds the person in a picture with this model."""

    @torch.no_grad()
    def find(square: NDArray[np.uint8]) -> Tensor | None:
        return model.find_person(_tensor(square))

    return find


def _oval(model: CompactModel) -> Oval:
    """Return what finds the oval of the face in a picture with this model."""

    @torch.no_grad()
    def find(square: NDArray[np.uint8]) -> FaceOval | None:
        keypoints = model.detect(_tensor(square)).value[0]
        return FaceOval.of(keypoints, model.settings.tied_keypoints)

    return find


def _tensor(square: NDArray[np.uint8]) -> Tensor:
    """Turn a picture uint8 `[S, S, 3]` into `[1, 3, S, S]` in [0, 1]."""
    return torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float() / 255


def _allowed_clips(leave: Authorisation, portrait: Path, folder: Path | None) -> dict[Path, str]:
    """Return the clips of a folder and their hashes, if the consent names them all.

    Raises:
        ConsentError: it does not, or the folder cannot be read.
    """
    if folder is None:
        return {}
    clips = hash_clips(folder)
    strange = [clip for clip, digest in clips.items() if digest not in leave.consent.terms.clips_sha256]
    if strange:
        command = grant_command(str(portrait), (TRAIN, "animate"), earlier=leave.consent.terms, clips=folder)
        raise ConsentError(
            f"Consent {leave.consent.id} does not name the clip {strange[0]}; if the person agreed that a model learns "
            f"from it, record that: {command}"
        )
    return clips


def _read(clip: Path, finder: FaceFinder, face: FaceSettings, side: int, most: int) -> Frames:
    """Return up to `most` frames spread over a clip as the model sees them, uint8 `[T, side, side, 3]`."""
    info = probe(clip)
    try:
        window = driving_window(clip, finder, face).window
    except FaceError as error:
        raise FaceError(f"{clip}: {error}") from error
    crop = (round(window.x), round(window.y), max(2, round(window.side)), max(2, round(window.side)))
    every = max(1, -(-(info.frame_count or most) // most))
    frames = [frame for i, frame in enumerate(read_video(clip, crop=crop, size=(side, side))) if i % every == 0]
    if len(frames) < 2:
        raise SettingsError(f"The clip {clip} has a single frame; give clips in which the person moves.")
    return np.stack(frames[:most])


def backbone(choice: str) -> nn.Module | None:
    """Return the features of the perceptual loss.

    Raises:
        SettingsError: it is asked for and not installed.
    """
    if choice == "none":
        return None
    try:
        return Vgg16(bundled_vgg16("use --backbone none"), max(_DEPTHS))
    except SettingsError:
        if choice == "vgg16":
            raise
        return None


def _asking(leave: Authorisation, listener: Listener) -> Listener:
    """Return a listener that also asks the ledger whether the consent still stands."""

    def report(progress: object) -> None:
        leave.recheck()
        listener(progress)  # type: ignore[arg-type]

    return report
