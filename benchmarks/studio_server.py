"""What the studio's measurements share: the studio as its own process, a browser, and what each of them costs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Server:
    """A running studio.

    Attributes:
        address: of its page.
        pid: of its process.
        home: its ledger and keys.
        temp: where it may put temporary files.
        seconds: from the start of the process until it answered.
        cpu_seconds: what that took of the processor.
    """

    address: str
    pid: int
    home: Path
    temp: Path
    seconds: float
    cpu_seconds: float


@contextmanager
def studio(folder: Path, *options: str, patience: float = 120.0) -> Iterator[Server]:
    """Run `fomm studio` with a ledger of its own; end it as a service manager would, and see that it leaves nothing."""
    home, temp = folder / "home", folder / "temp"
    temp.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "FOMM_HOME": str(home), "TMPDIR": str(temp)}
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", "from fomm.cli import main; main()", "studio", "--port", str(port), *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not _answers(address):
            if process.poll() is not None or time.perf_counter() - began > patience:
                raise SystemExit("The studio did not start.")
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        yield Server(address, process.pid, home, temp, seconds, cpu_seconds(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@contextmanager
def chromium(*options: str) -> Iterator[Any]:
    """Start Chromium without a window and yield Playwright's browser; its processes are children of this one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("This measurement needs Chromium: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*QUIET, *options])
        yield browser
        browser.close()


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and all its children, the ended ones it waited for among them."""
    return sum(_own_seconds(member) for member in _family(pid))


def memory_bytes(pid: int) -> int:
    """Return the memory of a process that no file backs (RssAnon)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def child_named(name: str) -> int:
    """Return the first process below this one whose name holds a word, 0 when there is none."""
    for pid in _family(os.getpid()):
        if pid != os.getpid() and name in _stat(pid)[0]:
            return pid
    return 0


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _family(pid: int) -> list[int]:
    """Return a process and everything below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))[1]
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def _own_seconds(pid: int) -> float:
    fields = _stat(pid)[1]
    return sum(int(field) for field in fields[11:15]) / _TICKS if fields else 0.0


def _stat(pid: int) -> tuple[str, list[str]]:
    """Return a process's name and the fields after it, empty when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", []
    name, _, rest = text.rpartition(") ")
    return name.partition("(")[2], rest.split()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
