"""Edits by hand: what is changed on a face, and the mood that is added to it throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fomm.config.settings import Settings, option


def _smile() -> Any:
    return option(0.0, "Smile; below 0 a smile goes, and lips meet over its teeth.", low=-0.6, high=1.0)


def _brows() -> Any:
    return option(0.0, "Raise the brows; below 0 lower them.", low=-1.0, high=1.0)


@dataclass(frozen=True)
class MoodSettings(Settings):
    """What is added to the photo's own expression throughout."""

    smile: float = _smile()
    brows: float = _brows()


@dataclass(frozen=True)
class EditSettings(Settings):
    """What is changed on the face.

    All zero is the photo as it is. The ranges are as far as photos were seen to bear it.
    """

    yaw: float = option(0.0, "Turn the head, in degrees; above 0 to the right of the picture.", low=-25.0, high=25.0)
    pitch: float = option(0.0, "Nod, in degrees; above 0 looks up.", low=-12.0, high=12.0)
    roll: float = option(0.0, "Tilt the head, in degrees; above 0 to the right of the picture.", low=-10.0, high=10.0)
    gaze_x: float = option(0.0, "Move the eyes; above 0 to the right of the picture.", low=-1.0, high=1.0)
    gaze_y: float = option(0.0, "Move the eyes; above 0 up.", low=-1.0, high=1.0)
    blink: float = option(0.0, "Close the eyes: 1 is shut.", low=0.0, high=1.0)
    mouth: float = option(0.0, "Open the mouth: 1 is wide open.", low=0.0, high=1.0)
    smile: float = _smile()
    brows: float = _brows()
