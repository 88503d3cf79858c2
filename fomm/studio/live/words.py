"""What the Live tab says to the driver."""

from __future__ import annotations

from fomm.retarget.live import ASIDE, FAR, NEAR, TURNED
from fomm.tasks.live_driver import AWAY, CALIBRATING, NOBODY

HINTS = {
    "": "",
    NOBODY: "No face is in the camera's picture yet.",
    AWAY: "Your face has left its place: come back, or calibrate where you are now.",
    CALIBRATING: "Hold still and look as the photo does.",
    NEAR: "You are nearer than when you calibrated: calibrate again.",
    FAR: "You are farther away than when you calibrated: calibrate again.",
    ASIDE: "You sit somewhere else than when you calibrated: calibrate again.",
    TURNED: "Your resting pose has changed since you calibrated: calibrate again.",
}
"""Sentence for each hint of `LiveDriver`."""

INTRO = (
    "Your camera moves the photo. Its pictures go to this studio only, one at a time, and are kept nowhere. "
    "Every frame carries the label and the watermark."
)
CHOOSE = "Choose a photo, record its consent, then go live."
ENDED = "The live session has ended; go live again."
STOPPED = "Stopped. The camera is off."
NO_STREAM = "Go live first."
RECORDING = "Recording. Stop to save it."
"""Sentences that do not depend on anything."""
