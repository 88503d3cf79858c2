"""Who owns an unfinished file or reservation: a mark of the running process, and whether that process is gone.

A process id alone is not enough, for ids are used again: the mark adds when the process started, which boot it belongs
to and on which machine (or container) it runs.
"""

from __future__ import annotations

import functools
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from fomm.trust.keys.canonical import sha256_hex

UNKNOWN = "0"
FOREIGN_SECONDS = 7 * 24 * 3600.0  # a process we cannot look at (another machine) counts as gone after a week


@dataclass(frozen=True)
class ProcessMark:
    """A process, as text `host-boot-pid-start`; `host` and `boot` are short hashes, `start` is in clock ticks."""

    host: str
    boot: str
    pid: int
    start: str

    def __str__(self) -> str:
        return f"{self.host}-{self.boot}-{self.pid}-{self.start}"

    @classmethod
    def current(cls) -> ProcessMark:
        """Return the mark of this process."""
        host, boot = _machine()
        return cls(host, boot, os.getpid(), _start_of(os.getpid()) or UNKNOWN)

    @classmethod
    def parse(cls, text: str) -> ProcessMark:
        """Read the text form; anything else gives a mark of an unknown machine."""
        parts = text.split("-")
        if len(parts) != 4 or not parts[2].isdecimal():
            return cls(UNKNOWN, UNKNOWN, 0, UNKNOWN)
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def gone(self, age_seconds: float) -> bool:
        """Say whether the process no longer runs.

        Args:
            age_seconds: age of what it left; decides when the process is on a machine we cannot look at.
        """
        host, boot = _machine()
        if self.host != host or os.name != "posix":
            return age_seconds > FOREIGN_SECONDS
        if self.boot != boot:
            return True
        if not Path("/proc/self/stat").exists():
            return not _answers(self.pid)
        return _start_of(self.pid) != self.start


@functools.cache
def _machine() -> tuple[str, str]:
    """Return short hashes of the machine (with its process-id namespace) and of its present boot."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        namespace = boot = UNKNOWN
    return sha256_hex(f"{platform.node()}\n{namespace}".encode())[:8], sha256_hex(boot.encode())[:8]


def _start_of(pid: int) -> str | None:
    """Return the start time of a living process from /proc, or None when there is none (a zombie counts as none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
