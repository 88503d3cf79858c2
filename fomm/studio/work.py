"""A long computation in a thread of its own: watched while it runs, stopped between two frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from fomm.studio.session import Session
from fomm.tasks.progress import Progress, Reached, WholeJob

T = TypeVar("T")


class StoppedError(Exception):
    """The visitor stopped the computation, or left."""


class Work(Generic[T]):
    """Runs `task` in a thread.

    Args:
        session: whose `stop` ends it.
        task: gets a progress callback, which raises when the work has to stop.
        passes: the stages that the task will report, in order.

    Raises:
        SessionEndedError: nobody waits for it.
    """

    def __init__(self, session: Session, task: Callable[[Progress], T], passes: Sequence[str] = ()) -> None:
        self._session, self._task = session, task
        self._step = Reached()
        self._job = WholeJob(passes, time.monotonic())
        self._result: T | None = None
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fomm-studio-work", daemon=True)
        session.begin(self)
        self._thread.start()

    def stop(self) -> None:
        """End it before the next frame."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait until it has ended, for so many seconds at most."""
        self._thread.join(timeout)

    def watch(self, every: float = 0.25) -> Iterator[Reached]:
        """Yield how far it is until it ends; whoever stops watching stops the work."""
        try:
            while self._thread.is_alive():
                if not self._stop.is_set():  # a step that is told late would stand over the word that it was stopped
                    yield self._step
                self._thread.join(timeout=every)
        finally:
            self.stop()  # of no effect on work that has ended; not waited for, because the server's loop may be calling

    def result(self) -> T:
        """Return what the task gave, after `watch` has ended.

        Raises:
            StoppedError: it was stopped.
            FommError: the task's own failure.
        """
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # a T once the task has returned

    def _run(self) -> None:
        try:
            self._result = self._task(self._report)
        except BaseException as error:  # handed to whoever asks for the result
            self._error = error
        finally:
            self._session.works.discard(self)

    def _report(self, stage: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise StoppedError("Stopped.")
        self._step = self._job.report(stage, done, total, time.monotonic())
