"""The animator: a model made fast for one device, asked for keypoints and for frames.

A source photo becomes a `Portrait` once; every frame after that costs only motion and decoding. A frame of the compact
model is thousands of small operations, so a few frames share them, on a CPU too; several of such batches at a time are
computed in workers, see `fomm.render.worker_pool`. Kernels may round otherwise in batches of another size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fomm.config.render import RenderSettings
from fomm.config.settings import Settings
from fomm.face.crop import CropWindow
from fomm.geometry.anatomy import anatomy_of
from fomm.geometry.keypoints import Keypoints
from fomm.model.interface import AnimationModel, EncodedSource, GeneratedFrames
from fomm.parts.photo import MirroredHalf
from fomm.render.compute import decide
from fomm.render.mirrored_half import MirroredPortrait, with_far_half
from fomm.render.optimise import prepare
from fomm.render.worker_pool import WorkerPool
from fomm.source.canvas import Canvas, continued
from fomm.source.hair import FaceOval
from fomm.source.mirrored_half import FarHalf

Image = NDArray[np.uint8]
Finished = TypeVar("Finished")

_GPU_WORKERS = 2  # one batch is prepared or fetched while the other is computed


@dataclass(frozen=True)
class Portrait:
    """A source photo, ready to be animated.

    Attributes:
        photo: the whole photo, uint8 `[H, W, 3]`.
        window: the square of it that the networks see.
        encoded: features of that square.
        keypoints: its keypoints, one row, on the animator's device.
        mirrored: the same square mirrored, if the head in it looks so far aside that this helps.
        continued: photo and window with what that shows beyond the photo; None for the photo itself.
        leave: under what the photo may be shown, as the exit asks for it; None for a portrait that cannot leave.
    """

    photo: Image
    window: CropWindow
    encoded: EncodedSource
    keypoints: Keypoints
    mirrored: MirroredPortrait | None = None
    continued: Canvas | None = None
    leave: object | None = None

    @property
    def canvas(self) -> Canvas:
        """What the window shows, all of it."""
        return self.continued or Canvas(self.photo, self.window)


class Animator:
    """Runs a model on one device.

    Args:
        model: a trained model; it is optimised in place and belongs to the animator from here on.
        image_size: side of the squares the model sees and makes, in pixels.
        settings: device, precision and batch size.

    Raises:
        SettingsError: the device or precision is not available, or the model lacks a stage that is to be left out.
    """

    def __init__(self, model: AnimationModel, image_size: int, settings: RenderSettings | None = None) -> None:
        self.compute = decide(settings or RenderSettings(), model)
        self.image_size = image_size
        self._model = prepare(model.to(self.compute.device), self.compute.dtype)
        self.leave_out(settings.left_out if settings else ())
        self._anatomy = anatomy_of(model.config)
        self._pool = WorkerPool.for_cpu() if self.compute.device.type == "cpu" else WorkerPool(_GPU_WORKERS, 1)

    def portrait(self, photo: Image, window: CropWindow, leave: object | None = None) -> Portrait:
        """Encode the window of a photo uint8 `[H, W, 3]` once for many frames; see `Portrait.leave`."""
        shown = self.canvas(photo, window)
        square = shown.window.crop(shown.picture, self.image_size)
        with self._inference():
            picture = self._tensor([square])
            encoded, keypoints = self._model.encode(picture), self._model.detect(picture)
        return Portrait(photo, window, encoded, keypoints, self._mirrored(picture, keypoints), shown, leave)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the model's stages that can be left out."""
        return self._model.all_stages

    def leave_out(self, names: Collection[str]) -> None:
        """Leave out these stages and no others; a portrait has to be made anew.

        Raises:
            SettingsError: the model has no stage of that name.
        """
        self._model.leave_out(names)

    def canvas(self, photo: Image, window: CropWindow) -> Canvas:
        """Return a photo uint8 `[H, W, 3]` with what its window shows beyond it, as `portrait` sees it."""
        return continued(photo, window, self.image_size, self.person, self._oval)

    def detect(self, squares: Sequence[Image]) -> Keypoints:
        """Return keypoints, on the CPU, of pictures uint8 `[S, S, 3]` where S is `image_size`."""
        return self.look(squares)[0]

    def look(self, squares: Sequence[Image]) -> tuple[Keypoints, Tensor | None]:
        """Return what `detect` does, and how far two looks at each picture disagree, see `AnimationModel.look`."""
        step = self.compute.batch_size
        if self.compute.device.type == "cpu":  # every worker gets some, however many there are
            step = min(step, math.ceil(len(squares) / self._pool.count))
        parts = [squares[start : start + step] for start in range(0, len(squares), step)]
        if len(parts) == 1:
            return self._look(parts[0])
        with closing(self._pool.map(self._look, parts)) as found:
            looks = list(found)
        apart = [part for _, part in looks if part is not None]
        return Keypoints.cat([keypoints for keypoints, _ in looks]), torch.cat(apart) if apart else None

    def person(self, square: Image) -> Tensor | None:
        """Return where the person is in a picture uint8 `[S, S, 3]`: `[1, 1, s, s]` in [0, 1] on the CPU.

        None if the model cannot tell.
        """
        with self._inference():
            found = self._model.find_person(self._tensor([square]))
        return None if found is None else found.float().cpu()

    def frames(self, portrait: Portrait, driving: Keypoints) -> Iterator[GeneratedFrames]:
        """Yield generated frames for keypoints `[B, K, 2]`, a part of the batch at a time, on the animator's device."""
        if len(driving) <= self.compute.batch_size:  # what somebody waits for gets all threads at once
            return iter([self._generate(portrait, driving)] if len(driving) else [])
        return self.finished(portrait, [driving], lambda made: made)

    def finished(
        self, portrait: Portrait, driving: Iterable[Keypoints], finish: Callable[[GeneratedFrames], Finished]
    ) -> Generator[Finished, None, None]:
        """Yield what `finish` makes of generated frames, a part at a time, while the next ones are being made.

        Args:
            portrait: the source.
            driving: keypoints `[B, K, 2]`, any number of batches.
            finish: called with every part, on the thread that generated it and several at a time.
        """
        step = self.compute.batch_size
        parts = (batch[start : start + step] for batch in driving for start in range(0, len(batch), step))
        return self._pool.map(lambda part: finish(self._generate(portrait, part)), parts)

    def _look(self, squares: Sequence[Image]) -> tuple[Keypoints, Tensor | None]:
        with self._inference():
            keypoints, apart = self._model.look(self._tensor(squares))
        return keypoints.to(torch.device("cpu")), None if apart is None else apart.cpu()

    def _generate(self, portrait: Portrait, driving: Keypoints) -> GeneratedFrames:
        driving, mirrored = driving.to(self.compute.device), portrait.mirrored
        with self._inference():
            made = self._model.animate(portrait.encoded, driving, portrait.keypoints)
        if mirrored is None:
            return made
        with torch.inference_mode():  # no autocast: places keep float32
            if not mirrored.half.wanted(driving.value):
                return made
            following = mirrored.half.follow(driving)
        with self._inference():
            other = self._model.animate(mirrored.encoded, following, mirrored.keypoints)
        with torch.inference_mode():
            return with_far_half(made, other, mirrored.half, driving.value)

    def _oval(self, square: Image) -> FaceOval | None:
        """Return where the face is in a picture uint8 `[S, S, 3]`, or None where keypoints do not tell."""
        if self._anatomy is None:
            return None
        return FaceOval.of(self.detect([square]).value[0].float(), self._anatomy.face)

    def _mirrored(self, picture: Tensor, keypoints: Keypoints) -> MirroredPortrait | None:
        """Return the mirror image of a source `[1, 3, S, S]` with these keypoints, or None where it would not help."""
        anatomy, own = self._anatomy, keypoints.to(torch.float32)
        with torch.inference_mode():
            wanted = anatomy is not None and MirroredHalf.name in self._model.stages
            if anatomy is None or not wanted or not FarHalf.helps(own, anatomy):
                return None
            mirrored = picture.flip(-1)
        with self._inference():
            encoded, found = self._model.encode(mirrored), self._model.detect(mirrored)
        with torch.inference_mode():
            return MirroredPortrait(encoded, found, FarHalf(own, found.to(torch.float32), anatomy))

    @property
    def config(self) -> Settings:
        """The settings that the model was built from."""
        return self._model.config

    def _tensor(self, squares: Sequence[Image]) -> Tensor:
        """Turn pictures into `[B, 3, S, S]` in [0, 1]."""
        stacked = torch.from_numpy(np.stack(squares)).to(self.compute.device)  # [B, S, S, 3]
        return stacked.permute(0, 3, 1, 2).float().div(255)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        device, dtype = self.compute.device.type, self.compute.dtype
        with torch.inference_mode(), torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32):
            yield
