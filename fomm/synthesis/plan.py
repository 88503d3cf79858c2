"""Which people a pair of clips shows: drawn before anything is rendered, so that the index needs no picture.

Held-out portraits (their number ends in 5) are in no training clip, neither as face nor as blend partner nor as
background; every test pair has one as its first face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from fomm.errors import SettingsError
from fomm.synthesis.portraits import PortraitFolder

SPLITS = ("train", "test")
_BLENDED = 0.6


@dataclass(frozen=True)
class Cast:
    """One person of a pair.

    Attributes:
        portrait: whose head it is.
        partner: whose features are mixed in, or None.
        place: whose background may be behind them.
    """

    portrait: str
    partner: str | None
    place: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return the portraits that the clip is made of, each once, sorted."""
        return tuple(sorted({self.portrait, self.place, *([self.partner] if self.partner else [])}))


@dataclass(frozen=True)
class PairPlan:
    """A pair of clips.

    Attributes:
        split: "train" or "test".
        seed: of the whole run.
        number: of the pair within its split.
        people: the two, `a` first.
    """

    split: str
    seed: int
    number: int
    people: tuple[Cast, Cast]

    @property
    def names(self) -> tuple[str, str]:
        """Return the names of the two clips."""
        mark = "" if self.split == "train" else "t"
        stem = f"{self.seed:02d}_{mark}{self.number:04d}"
        return f"{stem}a", f"{stem}b"

    def generator(self) -> Generator:
        """Return the source of everything random in this pair but its cast."""
        return np.random.default_rng((self.seed, SPLITS.index(self.split), self.number, 1))

    def index(self) -> dict[str, dict[str, object]]:
        """Return the pair's entries of `index.json`."""
        return {
            name: {
                "split": self.split,
                "portrait": cast.portrait,
                "others": [other for other in cast.names if other != cast.portrait],
            }
            for name, cast in zip(self.names, self.people, strict=True)
        }


def plan_pair(folder: PortraitFolder, split: str, seed: int, number: int) -> PairPlan:
    """Draw the cast of a pair.

    Raises:
        SettingsError: the folder has too few portraits for this split.
    """
    choices = folder.shown if split == "train" else folder.names
    leads = folder.shown if split == "train" else folder.held_out
    if len(choices) < 2 or not leads:
        raise SettingsError(
            f"{folder.path} has {len(folder.shown)} portraits to show and {len(folder.held_out)} held out (their "
            "number ends in 5); training needs two of the former, a test one of the latter."
        )
    rng = np.random.default_rng((seed, SPLITS.index(split), number, 0))
    # Everybody has a turn before anybody has a second one.
    order = np.random.default_rng((seed, SPLITS.index(split))).permutation(len(leads))
    first = leads[order[number % len(leads)]]
    others = [name for name in choices if name != first]
    second = others[rng.integers(len(others))]
    return PairPlan(split, seed, number, (_cast(rng, first, choices), _cast(rng, second, choices)))


def _cast(rng: Generator, portrait: str, choices: tuple[str, ...]) -> Cast:
    partner, place = (choices[rng.integers(len(choices))] for _ in range(2))
    blended = rng.random() < _BLENDED and partner != portrait
    elsewhere = rng.random() < 0.2
    return Cast(portrait, partner if blended else None, place if elsewhere else portrait)
