"""Lanes: threads that each compute whole frames, because cores share the small kernels of one frame badly.

On two cores a frame of the compact model takes as long with two threads as with one, but two frames at a time take
two thirds of the time for each. So a machine's threads are dealt out to lanes, and frames to whichever lane is free.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 8  # more would hold more frames in memory than Python can keep busy


class Lanes:
    """A fixed number of threads for work that comes in pieces.

    Args:
        count: how many.
        threads: of PyTorch's for each of them.
    """

    def __init__(self, count: int, threads: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="lane", initializer=_limit, initargs=(threads,))

    @classmethod
    def for_cpu(cls) -> Lanes:
        """Return lanes that share the threads that PyTorch may use here and now."""
        threads = torch.get_num_threads()
        count = min(threads, _MOST)
        return cls(count, threads // count)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
        """Yield `function(item)` for every item, in their order; while the caller uses one, the lanes make the next.

        What the function raises is raised here, in its result's place. Closing the generator waits for the pieces in
        the making; only then may what they read be closed.
        """
        coming: deque[Future[Result]] = deque()
        try:
            for item in items:
                coming.append(self._pool.submit(function, item))
                if len(coming) > self.count:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            for future in coming:
                future.cancel()
            wait(coming)


def _limit(threads: int) -> None:
    """Give this thread alone so many of PyTorch's threads.

    PyTorch keeps the number twice: for the thread that sets it, and as what threads start with. The second is put back
    on a thread that ends.
    """
    others = torch.get_num_threads()
    torch.set_num_threads(threads)
    restore = threading.Thread(target=torch.set_num_threads, args=(others,))
    restore.start()
    restore.join()
