"""Long searches for our mark in photo and driving file, beside the render; a release waits for what they find.

A photo is released under only once its deep search has ended and found nothing: `PhotoSearch.settle` waits for it, and
the one step that every release passes, `Registry.release`, calls it. What the search finds is kept as long as bytes and
key are the same, so that a photo that is previewed again and again is searched once.
"""

from __future__ import annotations

import atexit
import shlex
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from fomm.errors import TrustError

KEPT = 64
_PATIENCE = 30.0  # seconds that the end of the program waits for a search


class Searches:
    """Runs searches one after the other and keeps the results.

    A program that ends waits for the search that is running, a few seconds at most, and begins no other: threads that
    are torn away in the middle of native code take the whole process with them.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Future[str]] = OrderedDict()
        self._guard, self._turn = threading.Lock(), threading.Lock()
        self._ending = threading.Event()
        atexit.register(self._end)

    def start(self, key: Hashable, search: Callable[[], str]) -> Future[str]:
        """Return what `search` will find, started now unless one with this key was started before and did not fail.

        Args:
            key: tells searches apart: file and secret.
            search: returns an output id, or an empty text for none.
        """
        with self._guard:
            known = self._kept.get(key)
            if known is not None and not (known.done() and known.exception()):
                self._kept.move_to_end(key)
                return known
            future: Future[str] = Future()
            self._kept[key] = future
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        threading.Thread(target=self._run, args=(future, search), name="fomm mark search", daemon=True).start()
        return future

    @property
    def ending(self) -> bool:
        """Whether the program ends, so that a long search should give up."""
        return self._ending.is_set()

    def _end(self) -> None:
        self._ending.set()
        if self._turn.acquire(timeout=_PATIENCE):
            self._turn.release()

    def _run(self, future: Future[str], search: Callable[[], str]) -> None:
        with self._turn:
            if self._ending.is_set():
                future.cancel()
                return
            try:
                future.set_result(search())
            except BaseException as error:  # the one who waits for it has to see it
                future.set_exception(error)


class PhotoSearch:
    """What the deep search says about an authorised photo, as soon as it has ended."""

    def __init__(self, future: Future[str], name: str) -> None:
        self._future, self._name = future, name

    def settle(self) -> None:
        """Wait for the search to end.

        Raises:
            TrustError: the photo is an output of fomm.
        """
        refuse(self._future.result(), self._name)

    def check(self) -> None:
        """Do not wait, but raise what is known already.

        Raises:
            TrustError: the photo is an output of fomm.
        """
        if self._future.done():
            self.settle()


def refuse(output: str, name: str) -> None:
    """Refuse a photo that is marked with an output's id, unless the id is empty.

    Raises:
        TrustError: it is.
    """
    if output:
        raise TrustError(
            f"{name} is not a photo but output {output} of fomm, and is not animated again; to see what it is: "
            f"fomm verify {shlex.quote(name)}"
        )
