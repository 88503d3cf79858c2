"""How many training clips to draw."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option


@dataclass(frozen=True)
class SynthesisSettings(Settings):
    """How many clips to draw, and from which seed."""

    train_pairs: int = option(200, "Pairs of clips for training.", low=0, high=9999)
    test_pairs: int = option(20, "Pairs whose first person is held out of training.", low=0, high=9999)
    frames: int = option(40, "Frames of a clip, at 25 a second.", low=2, high=255)
    seed: int = option(1, "Where all that is random comes from.", low=0, high=9999)
