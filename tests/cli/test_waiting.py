"""Threads must not spin while they wait, which has to be decided before NumPy and PyTorch are loaded."""

import os
import subprocess
import sys

CHECK = """
import os, sys
from fomm.cli import main
sys.argv = ["fomm", "--version"]
try:
    main()
except SystemExit:
    print(os.environ["OMP_WAIT_POLICY"], os.environ["OPENBLAS_NUM_THREADS"], {"numpy", "torch"} & set(sys.modules))
"""


def policy(environment):
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_threads_wait_asleep_unless_the_user_says_otherwise(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert policy(os.environ.copy()) == "PASSIVE 1 set()"
    chosen = {"OMP_WAIT_POLICY": "ACTIVE", "OPENBLAS_NUM_THREADS": "3"}
    assert policy(os.environ | chosen) == "ACTIVE 3 set()"


SPINNING = """
import sys
from fomm.cli.threads import let_threads_sleep
if sys.argv[1] == "quiet":
    let_threads_sleep()
import time
import numpy as np
square = np.ones((600, 600), np.float32)
square @ square
time.sleep(0.05)
before, here = time.process_time(), time.thread_time()
for _ in range(20):
    square @ square
    time.sleep(0.01)
print(time.process_time() - before - (time.thread_time() - here))
"""


def test_numpy_keeps_no_thread_busy_behind_ours(monkeypatch):
    """What other threads of the process compute while ours multiplies and sleeps is work of nobody's frame."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    command = [sys.executable, "-c", SPINNING, "quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.02
