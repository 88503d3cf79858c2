"""Makes the first visitor wait no longer than the second: everything that happens once happens before they come.

Networks choose their kernels, the face finder loads and libraries are imported when they are first used. Here they are
used on a picture of noise, of which nothing is kept and nothing leaves.
"""

from __future__ import annotations

import numpy as np

from fomm.face.crop import CropWindow
from fomm.motion.live import still
from fomm.motion.smooth import SHORTEST, smooth
from fomm.motion.track import MotionTrack
from fomm.motion.transfer import Transfer
from fomm.render.refine import PasteBack, RefineSettings
from fomm.scenes.animate import Pipeline
from fomm.trust.label import Label, LabelSettings

_SIDE = 512


def warm_up(pipeline: Pipeline) -> None:
    """Animate noise with noise, and forget it."""
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    pipeline.finder.find(noise)
    portrait = pipeline._animator.portrait(noise, CropWindow(0.0, 0.0, float(_SIDE)))
    square = noise[: pipeline._animator.image_size, : pipeline._animator.image_size]
    pose = still(pipeline._animator.detect([square]), pipeline.detector)
    track = smooth(MotionTrack.concat([pose] * SHORTEST))
    driving = Transfer(portrait.keypoints, track, anatomy=pipeline.anatomy).driving(0, 1)
    paste = PasteBack(portrait, RefineSettings())
    for made in pipeline._animator.frames(portrait, driving):
        paste.compose(made)
    Label(LabelSettings(), *paste.size)
