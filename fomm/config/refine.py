"""How the generated square returns into the photo."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option


@dataclass(frozen=True)
class Fit:
    """To which size photos are reduced.

    Attributes:
        long_side: most pixels of the long side; 0 for any number.
        short_side: pixels of the short side that are kept even so: of a very long picture more of the long side stay.
    """

    long_side: int = 0
    short_side: int = 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the reduced size of a photo of `width` by `height` px; its own where it is small enough."""
        if not self.long_side:
            return width, height
        scale = max(self.long_side / max(width, height), self.short_side / min(width, height))
        if scale >= 1:
            return width, height
        return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True)
class RefineSettings(Settings):
    """How the generated square returns into the photo."""

    crop_only: bool = option(False, "Give the plain square the model makes instead of the whole photo.")
    min_side: int = option(
        512,
        "Enlarge smaller photos to this short side, so that the watermark lasts; 0: never.",
        low=0,
        high=4096,
    )
    max_side: int = option(
        2160,
        "Reduce larger photos to this long side, which every player can show; original: never.",
        low=256,
        high=16384,
        words={"original": 0},
    )
    edge: float = option(0.12, "Soft edge of the pasted region as a share of its side.", low=0.0, high=0.5)
    detail: float = option(1.0, "How much of the photo's own fine detail is moved along.", low=0.0, high=1.0)

    @property
    def fit(self) -> Fit:
        """To which size photos are reduced: of a very long one as much is kept as `min_side` asks for."""
        return Fit(self.max_side, self.min_side)
