"""Work done ahead: the next item is made on a thread while the caller is busy with the present one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the items of an iterator, each made while the caller uses the one before it.

    At most one item waits. What the iterator raises is raised here, in its place. Closing the generator waits for the
    item in the making; only then may what the iterator reads be closed.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as worker:
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield item  # type: ignore[misc]
