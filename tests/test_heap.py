"""Free memory: kept where the next frame needs it at once, handed back when visitors have left."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not Path("/proc/self/status").exists(), reason="needs glibc"
)

HELD = """
import sys, threading
from pathlib import Path
import numpy as np
from fomm.heap import give_back, keep_freed_memory, share_one_heap

def held():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) // 1024
"""

WORKER = """
def work():
    blocks = [np.ones(12_000) for _ in range(1000)]  # 96 kB each: below what goes straight back by itself
    kept.append(blocks.pop())  # holds the end of the heap

kept = []
share_one_heap()
for _ in range(2):
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
before = held()
give_back()
print(before - held())
"""

FRAMES = """
keep_freed_memory()
for _ in range(3):
    tensors = [np.ones(250_000) for _ in range(20)]  # 2 MB each
    before = held()
    del tensors
print(before - held())
give_back()
print(before - held())
"""


def numbers(script, **environment):
    chosen = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | environment
    done = subprocess.run([sys.executable, "-c", HELD + script], env=chosen, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


def test_a_frames_memory_stays_for_the_next_until_it_is_asked_back():
    gone, asked_back = numbers(FRAMES)
    assert gone < 5  # of 40 MB
    assert asked_back > 30


def test_what_the_user_tells_glibc_stays_in_force():
    gone, _ = numbers(FRAMES, MALLOC_TRIM_THRESHOLD_="131072")
    assert gone > 30


def test_free_memory_goes_back_to_the_system():
    (back,) = numbers(WORKER)
    assert back > 50  # of the 96 MB that a worker used
