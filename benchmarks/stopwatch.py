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


class Spent(defaultdict[str, float]):
    """Seconds of the main thread by stage.

    Attributes:
        aside: the same for all other threads together, which work while the main thread does.
    """

    def __init__(self) -> None:
        super().__init__(float)
        self.aside: dict[str, float] = defaultdict(float)


class _Thread(threading.local):
    """The stages a thread is in, the innermost last, and when it last went from one to another."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.switched = 0.0


@contextmanager
def stopwatch(stages: Stages, clock: Clock) -> Iterator[Spent]:
    """Measure the time threads spend in every stage; a stage inside another counts for itself only."""
    spent, here = Spent(), _Thread()

    def switch() -> None:
        now = clock()
        if here.running:
            main = threading.current_thread() is threading.main_thread()
            (spent if main else spent.aside)[here.running[-1]] += now - here.switched
        here.switched = now

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            switch()
            here.running.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                switch()
                here.running.pop()

        return wrapper

    with ExitStack() as stack:
        for stage, (owner, name) in stages.items():
            stack.enter_context(mock.patch.object(owner, name, timed(stage, getattr(owner, name))))
        yield spent
