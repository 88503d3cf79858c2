"""What each layer of a file says on its own: the watermark in its pictures, the registry, and the consent behind it.

The manifest layer is `fomm.trust.marks.manifest_reader`. No layer's failure hides another: a file that lost its
manifest may still hold its watermark, and a broken ledger does not keep a watermark from being read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from fomm.errors import MediaError, TrustError
from fomm.media.limits import check_file
from fomm.media.whole_files import hash_file
from fomm.trust.consent.ledger import Ledger
from fomm.trust.keys.canonical import format_time
from fomm.trust.marks.already_marked import READ_BACK_FRAMES, known_watermark, pictures_of
from fomm.trust.marks.kinds import kind_of
from fomm.trust.release.registry import Registry
from fomm.trust.watermark.windows import WINDOW, WINDOWS, search_windows

FOUND, ABSENT, UNREADABLE, UNAVAILABLE, UNKNOWN = "found", "absent", "unreadable", "unavailable", "unknown"
RELEASED = "released"  # of an output
_NO_MARK = "no mark under this key store's key"


@dataclass(frozen=True)
class WatermarkReading:
    """What the invisible watermark says.

    Attributes:
        state: found, absent, unreadable (no picture can be decoded) or unavailable (no usable key here).
        detail: one clause for people.
        id: the output id, empty unless found.
        confidence: share of the code bits that arrived unflipped, 0.5 (chance) to 1; 0 unless found.
        false_accept_bound: the most likely an unmarked file is to be taken for a marked one.
        frames: how many were searched together.
    """

    state: str
    detail: str
    id: str = ""
    confidence: float = 0.0
    false_accept_bound: float = 0.0
    frames: int = 0


@dataclass(frozen=True)
class RegistryReading:
    """What registry and ledger say about an output id.

    Attributes:
        state: reserved, released, failed, unknown (no such id here) or unavailable (the ledger is broken).
        detail: one clause for people.
        output_id: the id that was looked up, empty when the file has none.
        exact: whether the file is, byte for byte, what was released.
        consent: id of the consent it was made under, empty when unknown.
        consent_state: active, pending, expired, revoked or unknown.
    """

    state: str
    detail: str
    output_id: str = ""
    exact: bool = False
    consent: str = ""
    consent_state: str = UNKNOWN


def read_watermark(path: Path, ledger: Ledger, *, deep: bool = True) -> WatermarkReading:
    """Look for our watermark in a picture, a clip or a GIF.

    Args:
        path: the file.
        ledger: whose key store holds the watermark key.
        deep: when the quick search fails, also look for turned, mirrored, negative and stretched
            pictures (seconds).

    Raises:
        MediaError: the file is missing or empty.
    """
    return _watermark(path, ledger, deep=deep, most=WINDOW * WINDOWS)


def reread_watermark(path: Path, ledger: Ledger, output_id: str) -> WatermarkReading:
    """Look for one id as the exit did that read it back: in the first frames alone, which a longer search may drown."""
    reading = _watermark(path, ledger, deep=False, most=READ_BACK_FRAMES)
    return reading if reading.id == output_id else WatermarkReading(ABSENT, _NO_MARK, frames=reading.frames)


def _watermark(path: Path, ledger: Ledger, *, deep: bool, most: int) -> WatermarkReading:
    check_file(path)
    frames = pictures_of(path, most)
    try:
        first = next(frames, None)
        watermark = known_watermark(ledger.keys)
        if watermark is None or first is None:
            return WatermarkReading(UNAVAILABLE, "there is no watermark key here")
        found = search_windows(chain([first], frames), watermark, deep=deep)
    except MediaError as error:
        return WatermarkReading(UNREADABLE, str(error))
    except TrustError as error:
        return WatermarkReading(UNAVAILABLE, str(error))
    finally:
        frames.close()
    if found is None or found.payload is None:
        searched = found.frames if found else 0
        return WatermarkReading(ABSENT, _NO_MARK, frames=searched)
    return WatermarkReading(
        FOUND,
        f"{found.confidence:.0%} of its bits arrived unflipped",
        found.payload.hex(),
        found.confidence,
        found.false_accept_bound,
        found.frames,
    )


def read_registry(path: Path, output_id: str, ledger: Ledger) -> RegistryReading:
    """Look an output id up in the registry, and the consent behind it in the ledger.

    Args:
        path: the file, to compare with what was released.
        output_id: from manifest or watermark; may be empty.
        ledger: where outputs and consents are recorded.
    """
    if not output_id:
        return RegistryReading(UNKNOWN, "the file names no output")
    try:
        output = {output.id: output for output in Registry(ledger).outputs()}.get(output_id)
        if output is None:
            kind = kind_of(output_id)
            detail = f"{kind.text}, which is no output of one consent" if kind else "no such output was registered here"
            return RegistryReading(UNKNOWN, detail, output_id)
        consent_state = ledger.show(output.consent).state
    except TrustError as error:
        return RegistryReading(UNAVAILABLE, str(error), output_id)
    exact = bool(output.sha256) and output.sha256 == hash_file(path)
    when = f"{output.state} on {format_time(output.released or output.created)}"
    other = "as a file with other bytes" if output.sha256 or output.state != "released" else "shown live, never a file"
    detail = f"{when}, {'byte for byte this file' if exact else other}"
    return RegistryReading(output.state, detail, output_id, exact, output.consent, consent_state)
