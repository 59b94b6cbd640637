"""The hook that an HTTP door tells of its requests."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["NullRequests", "RequestObserver", "Watched"]


class Watched(Protocol):
    """A request under way."""

    def ended(self, route: str, status: int) -> None:
        """It is answered.

        Args:
            route: the pattern of its route; empty where there is none.
            status: of the answer.
        """
        ...


class RequestObserver(Protocol):
    """Receives what a door tells of its requests. It is quick and does not raise."""

    def began(self, method: str, path: str, headers: Mapping[str, str]) -> Watched:
        """A request came; what the running task does from now on belongs to it.

        Args:
            method: in capitals.
            path: without the query.
            headers: by their names in small letters.
        """
        ...

    def scoring(self, model: str, rows: int | None) -> AbstractContextManager[object]:
        """Rows are scored during the block, for the request that is under way; None where their number is unknown."""
        ...


class _Unwatched:
    def ended(self, route: str, status: int) -> None:
        """Forget it."""


class NullRequests:
    """Watches nothing."""

    _unwatched = _Unwatched()
    _block: AbstractContextManager[object] = nullcontext()

    def began(self, method: str, path: str, headers: Mapping[str, str]) -> Watched:
        """Watch nothing."""
        del method, path, headers
        return self._unwatched

    def scoring(self, model: str, rows: int | None) -> AbstractContextManager[object]:
        """Watch nothing."""
        del model, rows
        return self._block
