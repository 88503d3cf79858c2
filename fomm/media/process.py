"""One ffmpeg child process: started without a shell, drained, explained in a sentence, and always reaped.

Commands are built with ffmpeg-python and run the binary that imageio-ffmpeg bundles. Files are named with the `file:`
prefix, so that names with a leading dash, a colon or a percent sign mean themselves. Inputs may only be self-contained
container formats read from the local disk: playlists, image sequences, scripts and network addresses are refused.

A child has a process group of its own: Ctrl-C in a terminal reaches its owner alone, who decides what becomes of the
work. Should the owner be killed, the pipes between them close and the child ends, also one that only copies between
files (`tethered`).
"""

from __future__ import annotations

import collections
import contextlib
import functools
import os
import re
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, Any

import ffmpeg
import imageio_ffmpeg

from fomm.errors import MediaError

# Containers that hold their own streams. Anything that can point at another file, address or program is left out
# (concat, hls, dash, image2, avisynth, sdp, rtsp, lavfi...), and so are text formats that ffmpeg would draw (tty, bin).
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,live_flv,asf,asf_o,ogg,gif,apng,webp_anim,"
    "h261,h263,h264,hevc,vvc,evc,av1,obu,ivf,m4v,mjpeg,mxf,gxf,nut,rm,dv,wtv,swf,yuv4mpegpipe,vc1,vc1test,nsv,dirac,"
    "cavsvideo,flic,smk,bink,roq,4xm,thp,mlv,film_cpk,"
    "wav,w64,mp3,aac,flac,aiff,caf,ac3,eac3,dts,ape,tta,wv,au,amr,oma,loas,truehd,mpc,mpc8,tak,xwma,amrnb,amrwb"
)
SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"
_TAIL_LINES = 30
_LINE_BYTES = 1000
_CHUNK_BYTES = 2**16
_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)+")


class _Address(str):
    """A name for the command line, which ffmpeg-python knows by its escaped form: it takes every text for UTF-8.

    The bytes of a name may be no UTF-8; Python then holds them as lone surrogates, and gives them back to the system.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return self.encode("utf-8", "backslashreplace").decode()


def file_url(path: Path | str) -> str:
    """Return the address that makes libavformat read or write exactly `path`, whatever its name looks like."""
    return "file:" + os.fspath(path)


def argument_url(path: Path | str) -> str:
    """Return `file_url` as an argument for a command of ffmpeg-python; PyAV takes no type but `str` itself."""
    return _Address(file_url(path))


def open_input(path: Path, **options: Any) -> Any:
    """Return an ffmpeg-python input for a file that may be hostile: local, self-contained containers only."""
    return ffmpeg.input(argument_url(path), format_whitelist=CONTAINERS, protocol_whitelist="file", **options)


def tethered(output: Any, stream: Any) -> Any:
    """Return `output` with a line per packet of the copied `stream` besides, for `Process(..., tethered=True)`.

    Nobody needs these lines; ffmpeg ends when nobody reads them.
    """
    lines = ffmpeg.output(stream, "pipe:1", f="framecrc", flush_packets=1, **{"c:v": "copy"})
    return ffmpeg.merge_outputs(output, lines)


@functools.cache
def ffmpeg_path() -> str:
    """Return the ffmpeg that imageio-ffmpeg bundles, or else the one that is installed beside this Python (conda).

    It writes what leaves and reads the marks back, so neither `IMAGEIO_FFMPEG_EXE` nor the search path choose another.

    Raises:
        MediaError: there is no such binary.
    """
    bundled = Path(imageio_ffmpeg.__file__).parent / "binaries"
    beside = Path(sys.prefix, "Library/bin/ffmpeg.exe" if sys.platform == "win32" else "bin/ffmpeg")
    for path in (*sorted(bundled.glob("ffmpeg-*")), beside):
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
    raise MediaError("No ffmpeg binary was found; reinstall the 'imageio-ffmpeg' package.")


@functools.cache
def available_encoders() -> frozenset[str]:
    """Return the names of all encoders in the bundled ffmpeg."""
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-encoders"]
    listing = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **_own_group()
    ).stdout
    return frozenset(line.split()[1] for line in listing.splitlines() if re.match(r" [VAS][.A-Z]{5} [^=]", line))


class Process:
    """A running ffmpeg whose error output is drained into a short tail and which cannot outlive its owner.

    Args:
        stream: an ffmpeg-python output.
        stdin: whether frames are written to it through `stdin`.
        stdout: whether frames are read from it through `stdout`.
        tethered: whether the output came from `tethered`, whose lines are read here.
    """

    def __init__(self, stream: Any, *, stdin: bool = False, stdout: bool = False, tethered: bool = False) -> None:
        command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+error", "-y"]
        self._popen = subprocess.Popen(
            command + ffmpeg.get_args(stream),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout or tethered else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            **_own_group(),
        )
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        self._drain = threading.Thread(target=_drain, args=(self._popen.stderr, self._tail), daemon=True)
        self._drain.start()
        if tethered:
            threading.Thread(target=_swallow, args=(self.stdout,), daemon=True).start()
        # Runs when the owner is garbage collected or the interpreter exits, whichever comes first.
        self._finalizer = weakref.finalize(self, _end, self._popen)

    @property
    def stdin(self) -> IO[bytes]:
        """The unbuffered pipe into ffmpeg."""
        assert self._popen.stdin is not None  # noqa: S101 - narrows the type: asked for when started
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The unbuffered pipe out of ffmpeg."""
        assert self._popen.stdout is not None  # noqa: S101 - narrows the type: asked for when started
        return self._popen.stdout

    @property
    def running(self) -> bool:
        """Whether ffmpeg has not ended yet."""
        return self._popen.poll() is None

    def wait(self, timeout: float | None = None) -> int:
        """Close `stdin`, wait for ffmpeg to end by itself and return its exit code; kill it after `timeout` s."""
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout)
        self.kill()
        return int(self._popen.returncode)

    def kill(self) -> None:
        """End ffmpeg at once if it still runs, and close `stdin`; safe to call again."""
        _end(self._popen)
        self._drain.join(timeout=5)
        self._finalizer.detach()

    @property
    def complained(self) -> bool:
        """Whether ffmpeg reported any error so far."""
        return bool(self._tail)

    def reason(self) -> str:
        """Return ffmpeg's own explanation as one short clause without a full stop."""
        for line in reversed(self._tail):
            clause = _PREFIX.sub("", line).strip().rstrip(".")
            # The last lines only repeat that something failed; the cause stands above them.
            if clause and not clause.startswith(_ECHOES):
                return clause[:160]
        return "ffmpeg stopped without an explanation"


_ECHOES = ("Error opening ", "Conversion failed", "Error while ", "Nothing was written", "Task finished", "Terminating")


def _own_group() -> dict[str, Any]:
    """Return the options of `subprocess` that keep signals of the terminal from a child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}


def _drain(pipe: IO[bytes], tail: collections.deque[str]) -> None:
    with pipe:
        while line := pipe.readline(_LINE_BYTES):
            if text := line.decode(errors="replace").strip():
                tail.append(text)


def _swallow(pipe: IO[bytes]) -> None:
    with pipe:
        while pipe.read(_CHUNK_BYTES):
            pass


def _end(popen: subprocess.Popen[bytes]) -> None:
    """Kill and reap. `stdout` is left to its reader: closing it under a reading thread could hand over a reused fd."""
    if popen.poll() is None:
        popen.kill()
    popen.wait()
    if popen.stdin is not None:
        with contextlib.suppress(OSError):
            popen.stdin.close()
