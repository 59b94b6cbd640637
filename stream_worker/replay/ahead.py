"""An iterator that works in a thread of its own, one item ahead of whoever takes its items."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")
_END: Any = object()


def ahead(items: Generator[T], name: str) -> Generator[T]:
    """Yield the items of an iterator while it makes the next one in a thread.

    Two items exist at most beside the one that was taken last: nothing queues. What the iterator raises is raised here.
    Closed before its end, it waits for the item under way, and closes the iterator.

    Args:
        items: used by the thread alone until it ends.
        name: of the thread.
    """
    with closing(items), ThreadPoolExecutor(1, name) as executor:
        coming = executor.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = executor.submit(next, items, _END)
            yield item
