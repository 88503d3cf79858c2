"""The folder of ledger and keys: private to its user, and never silently begun anew.

A ledger that is gone while something of it is left was removed: by accident, or to forget its revocations. So what else
lies in the folder is a witness, and a note names the ledger that belongs here. Only a folder without any witness begins
by itself. How far the ledger reached is kept in a file beside it, too, which tells an older database with its own head.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from datetime import datetime
from pathlib import Path

from fomm.errors import TrustError
from fomm.media.whole_files import write_whole

NOTE = "about-this-folder.txt"
WITNESS = "newest-record.json"
ANEW = "restore the folder from a backup, or begin a new ledger on purpose: fomm consent start-anew"
_LEDGER_FILES = ("ledger.db", "ledger.db-journal", "ledger.db-wal", "ledger.db-shm", "ledger.head", "ledger.key")
_WITNESSES = (NOTE, WITNESS, "manifest.pem", "*.secret", "signers", "set-aside-*")
_MENDED = (*_LEDGER_FILES[:5], NOTE, WITNESS)  # keys are refused instead: one that lay open may have been read
_LEDGER_ID = re.compile(r"^ledger: ([0-9a-f]{32})$", re.MULTILINE)
_NOTE_TEXT = """\
This folder belongs to fomm: who agreed to what (ledger.*), and the keys that sign and mark files.
Keep it private, keep a copy of all of it together, and delete nothing: without the ledger, revocations are forgotten.

ledger: {ledger}
"""


def witness(directory: Path) -> str | None:
    """Return the name of something that an earlier ledger left in its folder, or None.

    Raises:
        TrustError: the folder cannot be looked into.
    """
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrustError(f"The folder {directory} cannot be read ({error.strerror}); give its owner access.") from error
    return next((name for name in names if any(Path(name).match(pattern) for pattern in _WITNESSES)), None)


def check_note(directory: Path, ledger: str) -> None:
    """Check that the ledger with this random id is the folder's own, and note it where no note is.

    Raises:
        TrustError: the folder belongs to another ledger.
    """
    path = directory / NOTE
    found = None
    with contextlib.suppress(OSError):
        found = _LEDGER_ID.search(path.read_text(errors="replace"))
    if found is None:
        with contextlib.suppress(OSError):  # the note is a second witness, nothing rests on it alone
            write_whole(path, _NOTE_TEXT.format(ledger=ledger).encode())
    elif found[1] != ledger:
        raise TrustError(f"The ledger in {directory} is not the one that {NOTE} names; put that one back, or {ANEW}")


def make_private(directory: Path) -> None:
    """Take other users' access to fomm's folder and ledger away, as far as they are this user's own.

    The root, the user's home and folders above it, and shared folders such as /tmp are left alone.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        whole = directory.resolve()
        if whole != Path(whole.anchor) and not Path.home().resolve().is_relative_to(whole):
            _restrict(whole, 0o700)
        _restrict(whole / "signers", 0o700)
        for name in _MENDED:
            _restrict(whole / name, 0o600)


def claim_private(path: Path) -> None:
    """Make an empty file that only its user can read, unless something is there.

    Raises:
        TrustError: it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise TrustError(f"{path} cannot be made ({error.strerror}); check its folder and disk.") from error


def set_aside(directory: Path, now: datetime) -> Path:
    """Move what is left of a ledger into a new folder beside it and return that folder.

    Raises:
        TrustError: something cannot be moved.
    """
    aside = directory / f"set-aside-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        aside.mkdir(mode=0o700)
        for name in (*_LEDGER_FILES, NOTE, WITNESS):
            with contextlib.suppress(FileNotFoundError):
                os.replace(directory / name, aside / name)
    except OSError as error:
        raise TrustError(f"The ledger cannot be moved to {aside} ({error.strerror}); check the folder.") from error
    return aside


def _restrict(path: Path, mode: int) -> None:
    """Take bits beyond `mode` from a file or folder of this user's own; links are not followed."""
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        shared = status.st_mode & stat.S_ISVTX or stat.S_ISLNK(status.st_mode)
        if status.st_uid == os.geteuid() and not shared and status.st_mode & 0o777 & ~mode:
            os.chmod(path, stat.S_IMODE(status.st_mode) & mode)
