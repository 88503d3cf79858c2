"""WorkerPool: threads that each compute whole frames, because cores share the small kernels of one frame badly.

On two cores a frame of the compact model takes as long with two threads as with one, but two frames at a time take
two thirds of the time for each. So a machine's threads are dealt out to workers, and frames to whichever worker is
free.
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

_LIMITING = threading.Lock()
_MOST = 8  # more would hold more frames in memory than Python can keep busy


class WorkerPool:
    """A fixed number of threads for work that comes in pieces.

    Args:
        count: how many.
        threads: of PyTorch's for each of them.
    """

    def __init__(self, count: int, threads: int) -> None:
        self.count = count
        shares = (threads, torch.get_num_threads())
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="worker", initializer=_limit, initargs=shares)
        # All begin now: while one does, other threads that begin would take its number of threads for theirs.
        meeting = threading.Barrier(count)
        list(self._pool.map(lambda _: meeting.wait(), range(count)))

    @classmethod
    def for_cpu(cls) -> WorkerPool:
        """Return workers that share the threads that PyTorch may use here and now."""
        threads = torch.get_num_threads()
        count = min(threads, _MOST)
        return cls(count, threads // count)

    @classmethod
    def halves(cls) -> WorkerPool:
        """Return two workers that share the threads that PyTorch may use here and now."""
        return cls(2, max(1, torch.get_num_threads() // 2))

    def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        """Return `function(item)`, made in a worker."""
        return self._pool.submit(function, item).result()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
        """Yield `function(item)` for every item, in their order; while the caller uses one, the workers make the next.

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


def _limit(threads: int, others: int) -> None:
    """Give this thread alone so many of PyTorch's threads.

    PyTorch keeps the number twice: for the thread that sets it, and as what threads start with. The second is put back
    to what the `others` have, on a thread that ends.
    """
    with _LIMITING:
        torch.get_num_threads()  # else the thread's first operation would take the number that threads start with
        torch.set_num_threads(threads)
        restore = threading.Thread(target=torch.set_num_threads, args=(others,))
        restore.start()
        restore.join()
