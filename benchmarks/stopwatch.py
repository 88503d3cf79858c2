"""Time the stages of a computation by wrapping the functions that do them, in wall or in processor time."""

from __future__ import annotations

import functools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

Clock = Callable[[], float]
Stages = Mapping[str, tuple[Any, str]]
"""For each stage, the class or module and the name of the function that does it."""


@contextmanager
def stopwatch(stages: Stages, clock: Clock) -> Iterator[dict[str, float]]:
    """Measure the main thread's time in every stage; a stage inside another counts for itself only."""
    spent: dict[str, float] = defaultdict(float)
    running: list[str] = []
    switched = clock()

    def switch() -> None:
        nonlocal switched
        now = clock()
        if running:
            spent[running[-1]] += now - switched
        switched = now

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return function(*args, **kwargs)
            switch()
            running.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                switch()
                running.pop()

        return wrapper

    with ExitStack() as stack:
        for stage, (owner, name) in stages.items():
            stack.enter_context(mock.patch.object(owner, name, timed(stage, getattr(owner, name))))
        yield spent
