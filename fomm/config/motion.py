"""How motion is taken from a driving clip, and how it is carried over to the photo."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option
from fomm.errors import SettingsError

REFERENCES = ("best", "first", "stored")
ANYWHERE = 2.0
"""The `roam`, for pictures that end where the window does, and the `turn` that hold nobody back."""


@dataclass(frozen=True)
class TransferSettings(Settings):
    """How the driver's motion is carried over to the photo."""

    mode: str = option(
        "relative",
        "relative keeps the photo's face shape and moves it as the driver does; absolute takes the driver's shape too.",
        choices=("relative", "absolute"),
    )
    adapt_scale: bool = option(True, "Scale relative motion to the size of the photo's face.")
    reference: str = option(
        "best",
        "Driving frame that counts as the photo's pose: best match, first, the track's stored one, or a frame number.",
    )
    full_blinks: bool = option(True, "Shut the photo's eyes when the driver's are shut, whatever their shape.")
    lips_meet: bool = option(
        True, "Shut the photo's lips when the driver's are shut, and open them as far if the driver's never are."
    )
    roam: float = option(
        0.15,
        "How far the whole person goes with the driver, in half windows; 2 is wherever they go.",
        low=0.0,
        high=2.0,
    )
    turn: float = option(
        0.45,
        "How far the photo's head turns from its own view: 0.3 is near 25 degrees, 2 as far as the driver's.",
        low=0.0,
        high=2.0,
    )
    strength: float = option(1.0, "Multiply the motion: below 1 calmer, above 1 exaggerated.", low=0.0, high=2.0)
    head: float = option(1.0, "Multiply the motion of head and shoulders alone.", low=0.0, high=2.0)
    expression: float = option(1.0, "Multiply the expression alone: mouth, eyes, brows.", low=0.0, high=2.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reference not in REFERENCES and not self.reference.isdecimal():
            raise SettingsError(
                f"TransferSettings.reference must be {', '.join(REFERENCES)} or a frame number from 0, "
                f"not {self.reference!r}."
            )


@dataclass(frozen=True)
class SmoothSettings(Settings):
    """How jitter is taken out of a motion track."""

    enabled: bool = option(True, "Take jitter out of the motion.")
    window: float = option(0.36, "Seconds of motion looked at together; longer is calmer.", low=0.1, high=2.0)
    noise_gate: float = option(
        3.0, "Motion this many times stronger than the noise (in energy) passes untouched.", low=1.0, high=50.0
    )
