"""The one family of errors that fomm raises on purpose.

Every message is a sentence a user can act on: it names the file, key or option at fault and the fix.
Library code raises; only the command line turns an error into a printed line and an exit code.
"""

from __future__ import annotations


class FommError(Exception):
    """Base of all expected failures; `exit_code` is what the command line returns for it."""

    exit_code = 1


class FommWarning(UserWarning):
    """A note to the user that stops nothing, one sentence like an error's; the command line prints it."""


class SettingsError(FommError):
    """A setting, option or configuration key is unknown, out of range or contradictory."""

    exit_code = 2


class ConsentError(FommError):
    """The photo may not be animated: no consent record covers it, or the record forbids it."""

    exit_code = 3


class MediaError(FommError):
    """A photo, video or sound file is missing, unreadable, hostile or unsupported."""

    exit_code = 4


class CheckpointError(FommError):
    """A checkpoint is missing, damaged, unsafe to load or made for another configuration."""

    exit_code = 5


class FaceError(FommError):
    """No face was found where one is needed, or the requested face does not exist."""

    exit_code = 6


class OutputError(FommError):
    """The result cannot be written: the path is taken, not writable, or the disk is full."""

    exit_code = 7


class MotionError(FommError):
    """A motion track is damaged, from a newer schema, or made by another keypoint detector."""

    exit_code = 8


class TrustError(FommError):
    """A signing key, ledger, registry, watermark or manifest cannot be trusted or made."""

    exit_code = 9
