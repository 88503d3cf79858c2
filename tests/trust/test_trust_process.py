from __future__ import annotations

import os
import subprocess
import sys

from fomm.trust.keys.process import FOREIGN_SECONDS, ProcessMark

PRINT_MARK = "from fomm.trust.keys.process import ProcessMark; print(ProcessMark.current())"


def test_this_process_is_not_gone() -> None:
    mark = ProcessMark.current()
    assert ProcessMark.parse(str(mark)) == mark
    assert mark.pid == os.getpid()
    assert not mark.gone(10 * FOREIGN_SECONDS)


def test_an_ended_process_is_gone() -> None:
    done = subprocess.run([sys.executable, "-c", PRINT_MARK], capture_output=True, text=True, check=True)
    assert ProcessMark.parse(done.stdout.strip()).gone(0)


def test_a_reused_process_id_and_an_earlier_boot_are_gone() -> None:
    mark = ProcessMark.current()
    assert ProcessMark(mark.host, mark.boot, mark.pid, "1").gone(0)
    assert ProcessMark(mark.host, "00000000", mark.pid, mark.start).gone(0)


def test_a_process_elsewhere_is_given_a_week() -> None:
    elsewhere = ProcessMark.parse("ffffffff-ffffffff-1-1")
    assert not elsewhere.gone(FOREIGN_SECONDS - 1)
    assert elsewhere.gone(FOREIGN_SECONDS + 1)
    assert ProcessMark.parse("nonsense").gone(FOREIGN_SECONDS + 1)
