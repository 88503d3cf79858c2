"""What keeps the studio quick and small: it is warm before visitors come, and gives back what they used."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from fomm.render.settings import RenderSettings
from fomm.scenes.animate import Pipeline
from fomm.studio.warm import warm_up
from fomm.trust.ledger import Ledger

HEAP = """
import threading
from pathlib import Path
import numpy as np
from fomm.studio.memory import give_back, share_one_heap

def held():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) // 1024

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


def test_warming_up_loads_what_a_visitor_needs_and_leaves_no_trace(tiny_checkpoint, tmp_path):
    pipeline = Pipeline(str(tiny_checkpoint), RenderSettings(device="cpu"), Ledger(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    warm_up(pipeline)
    assert sorted(tmp_path.rglob("*")) == before
    assert pipeline.finder._cascade is not None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or not Path("/proc/self/status").exists(), reason="needs glibc")
def test_free_memory_goes_back_to_the_system():
    told = subprocess.run([sys.executable, "-c", HEAP], capture_output=True, text=True, check=True).stdout
    assert int(told) > 50  # of the 96 MB that a worker used
