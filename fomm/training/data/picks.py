"""Which clips and frames a batch is made of."""

from __future__ import annotations

import numpy as np

from fomm.config.training.stages import StageSettings
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.data.resident import ResidentClips


def random_picks(
    clips: PairedClips | ResidentClips, stage: StageSettings, numbers: np.random.Generator
) -> list[tuple[int, int]]:
    """Return as many pairs of clip and driving frame as the stage's batches have, with its shares of what is rare."""
    picks = numbers.integers(0, clips.source.shape, (stage.batch_size, 2))
    for share, wanted in (
        (stage.blink_share, clips.blinks),
        (stage.mouth_share, clips.mouths),
        (stage.turn_share, clips.turns),
    ):
        places = np.argwhere(wanted)
        chosen = numbers.random(stage.batch_size) < share
        if len(places):
            picks[chosen] = numbers.choice(places, int(chosen.sum()))
    return [(int(clip), int(frame)) for clip, frame in picks]
