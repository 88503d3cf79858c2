"""Animate the first frame of a clip by the clip itself, by another one, and by a still frame; judge what comes out.

What a user of `fomm animate` would see is measured: the jitter is taken out of the driver's motion in the same way, and
the motion is carried over by the same `fomm.retarget.transfer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, repeat

import numpy as np
from numpy.typing import NDArray

from fomm.config.motion import ANYWHERE, TransferSettings
from fomm.evaluation.baselines import BASELINES, COPY, ORACLE, THIN_PLATE, displacement, to_picture, warped
from fomm.evaluation.measures.judge import Judge
from fomm.evaluation.measures.pictures import Picture
from fomm.evaluation.measures.tally import MODEL
from fomm.evaluation.reading import Reading, Tools, with_like_guides
from fomm.face.crop import CropWindow
from fomm.geometry.keypoints import Keypoints
from fomm.render.animator import Portrait
from fomm.retarget.transfer import Transfer
from fomm.tasks.tracking import surface_tracker
from fomm.track.builder import TrackBuilder
from fomm.track.smoothing import smooth

Summary = dict[str, dict[str, float]]

_STILL_FRAMES = 12
_SEED = 4


def judge_self(tools: Tools, clip: Reading) -> Summary:
    """Drive a clip's first frame by the clip itself; the clip is the truth. The first frame does not count."""
    judge = Judge(tools, clip, clip)
    driven = Driven.of(tools, clip, clip, "first")
    for moment, (made, true) in enumerate(zip(driven.frames(), clip.frames(), strict=False)):
        if moment > 0:
            judge.look(moment, made, true)
    return judge.summary()


def judge_cross(tools: Tools, clip: Reading, driver: Reading, *, alike: bool) -> Summary:
    """Drive a clip's first frame by somebody else.

    Args:
        tools: what measures.
        clip: lends its first frame.
        driver: lends the motion.
        alike: whether both make the same movements, so that `clip` shows what should come out.
    """
    judge = Judge(tools, clip, driver)
    driven = Driven.of(tools, *with_like_guides(tools, clip, driver), "first" if alike else "best")
    truth: Iterator[Picture | None] = clip.frames() if alike else repeat(None)
    for moment, (made, true, driving) in enumerate(zip(driven.frames(), truth, driver.frames(), strict=False)):
        if moment > 0 or not alike:
            judge.look(moment, made, true, driving)
    return judge.summary()


def judge_still(tools: Tools, clip: Reading) -> Summary:
    """Drive a clip's first frame by its middle one, held still under noise; return the change of output per frame."""
    middle = next(islice(clip.frames(), len(clip) // 2, None))
    numbers = np.random.default_rng(_SEED)
    noisy = [_noisy(middle, tools.settings.noise, numbers) for _ in range(_STILL_FRAMES)]
    builder = TrackBuilder(clip.clip.fps, tools.pipeline.detector)
    animator, frames = tools.pipeline._animator, [clip.first, *noisy]
    builder.append(surface_tracker(animator).follow(frames, animator.detect(frames)))
    track = builder.build()
    steady = smooth(track.slice(1), tools.settings.smooth)
    transfer = Transfer(
        whole_portrait(tools, clip.first).keypoints,
        track,
        TransferSettings(reference="0", roam=ANYWHERE),
        tools.pipeline.anatomy,
    )
    made = [frame.astype(np.int16) for frame in animate(tools, clip.first, transfer.carry(steady.keypoints()))]
    change = np.mean([np.abs(after - before).mean() for before, after in pairwise(made)])
    return {"still": {MODEL: float(change), COPY: 0.0}}


def animate(tools: Tools, source: Picture, driving: Keypoints) -> Iterator[Picture]:
    """Yield the model's frames uint8 `[S, S, 3]` for keypoints `[T, K, 2]` that were carried over already."""
    portrait = whole_portrait(tools, source)
    for made in tools.pipeline._animator.frames(portrait, driving):
        for image in made.image:
            yield to_picture(image)


def whole_portrait(tools: Tools, picture: Picture) -> Portrait:
    """Encode a picture uint8 `[S, S, 3]` that is one face window already."""
    return tools.pipeline._animator.portrait(picture, CropWindow(0, 0, tools.side))


def carried(
    source: NDArray[np.float64], start: NDArray[np.float64], driving: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the source's points moved as the driver's moved since `start`, at the size of the source's face.

    Args:
        source: `[K, 2]`.
        start: the driver's points in its reference frame, `[K, 2]`.
        driving: the driver's points now, `[K, 2]`.
    """
    spread = float(np.square(start - start.mean(0)).sum())
    size = float(np.sqrt(np.square(source - source.mean(0)).sum() / spread)) if spread > 0 else 1.0
    return source + size * (driving - start)


@dataclass(frozen=True)
class Driven:
    """A source picture on its way to being driven by a clip, by the model and by every baseline.

    Attributes:
        tools: holds the model.
        source: the picture, uint8 `[S, S, 3]`.
        guide: points in it, `[K, 2]` in [-1, 1].
        driver: the clip that drives it; its guide is of the same kind.
        reference: the driver's frame that counts as the source's pose, as in `TransferSettings`.
        true: all true landmarks in the picture, `[L, 2]` in [-1, 1], where they are known.
    """

    tools: Tools
    source: Picture
    guide: NDArray[np.float64]
    driver: Reading
    reference: str
    true: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, tools: Tools, clip: Reading, driver: Reading, reference: str) -> Driven:
        """Return the first frame of a clip, driven by a clip with a guide of the same kind."""
        true = clip.true_points
        return cls(tools, clip.first, clip.guide[0], driver, reference, None if true is None else true[0])

    def transfer(self) -> Transfer:
        """Return how the driver's motion is carried over."""
        keypoints = whole_portrait(self.tools, self.source).keypoints
        settings = TransferSettings(reference=self.reference, roam=ANYWHERE)
        track = smooth(self.driver.track, self.tools.settings.smooth)
        return Transfer(keypoints, track, settings, self.tools.pipeline.anatomy)

    def model_frames(self) -> Iterator[Picture]:
        """Yield the model's frames, uint8 `[S, S, 3]`."""
        return animate(self.tools, self.source, self.transfer().driving())

    def frames(self) -> Iterator[dict[str, Picture]]:
        """Yield for each driving frame the pictures that come out, by method."""
        transfer = self.transfer()
        start = self.driver.guide[transfer.reference]
        told = self.driver.true_points
        for moment, frame in enumerate(animate(self.tools, self.source, transfer.driving())):
            target = carried(self.guide, start, self.driver.guide[moment])
            # Copying is a warp too, by nothing; the picture itself is cheaper and free of rounding.
            fields = {name: displacement(name, self.guide, target) for name in BASELINES if name != COPY}
            if self.true is not None and told is not None:
                target = carried(self.true, told[transfer.reference], told[moment])
                fields[ORACLE] = displacement(THIN_PLATE, self.true, target)
            yield {MODEL: frame, COPY: self.source, **{name: warped(self.source, f) for name, f in fields.items()}}


def _noisy(picture: Picture, deviation: float, numbers: np.random.Generator) -> Picture:
    noise = numbers.normal(0, deviation, picture.shape)
    return np.clip(np.round(picture + noise), 0, 255).astype(np.uint8)
