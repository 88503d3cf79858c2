"""Threads must not spin while they wait, which has to be decided before PyTorch is loaded."""

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
    print(os.environ["OMP_WAIT_POLICY"], "torch" in sys.modules)
"""


def policy(environment):
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_threads_wait_asleep_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert policy(os.environ.copy()) == "PASSIVE False"
    assert policy(os.environ | {"OMP_WAIT_POLICY": "ACTIVE"}) == "ACTIVE False"
