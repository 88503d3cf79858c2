"""Makes the first visitor wait no longer than the second: everything that happens once happens before they come.

Networks choose their kernels, the face finder loads and libraries are imported when they are first used. Here they are
used on a picture of noise, of which nothing is kept and nothing leaves.
"""

from __future__ import annotations

import numpy as np

from fomm.config.label import LabelSettings
from fomm.config.refine import RefineSettings
from fomm.face.crop import CropWindow
from fomm.render.paste_back import PasteBack
from fomm.retarget.live import still
from fomm.retarget.transfer import Transfer
from fomm.tasks.animate import Pipeline
from fomm.track.smoothing import SHORTEST, smooth
from fomm.track.track import MotionTrack
from fomm.trust.marks.label import Label

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
