"""How the threads of numerical libraries wait, which is decided before these libraries are loaded.

Threads that spin while they wait for work hold the cores that decoding, encoding and other frames need: on two cores
PyTorch's made renders ten times slower, and NumPy's and SciPy's half of all processor time of a live session was
spinning. An environment variable that the user has set stays as it is.
"""

from __future__ import annotations

import os

_QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",  # PyTorch: threads sleep while they wait
    # OpenBLAS has no such policy, so it gets no threads to spin: frames are computed side by side anyway.
    "OPENBLAS_NUM_THREADS": "1",
}


def let_threads_sleep() -> None:
    """Settle it for this process and those it starts; call it before NumPy or PyTorch is imported."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
