"""The hook that an HTTP door tells of its requests."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Guarded", "NullRequests", "RequestObserver", "Watched"]

_LOG = logging.getLogger(__name__)


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


class Guarded:
    """Passes on what an observer is told of requests; where it fails, the log is told, and the request goes on.

    What a caller writes into a path or a header must not be able to fail the answer.
    """

    def __init__(self, observer: RequestObserver) -> None:
        self._observer = observer

    def began(self, method: str, path: str, headers: Mapping[str, str]) -> Watched:
        """Pass on that a request came."""
        try:
            return self._observer.began(method, path, headers)
        except Exception:  # noqa: BLE001 - whatever it is
            _LOG.exception("an observer of requests failed")
            return _UNWATCHED

    def scoring(self, model: str, rows: int | None) -> AbstractContextManager[object]:
        """Pass on that rows are scored; nothing in it is a caller's."""
        return self._observer.scoring(model, rows)


class _Unwatched:
    def ended(self, route: str, status: int) -> None:
        """Forget it."""


_UNWATCHED = _Unwatched()


class NullRequests:
    """Watches nothing."""

    _block: AbstractContextManager[object] = nullcontext()

    def began(self, method: str, path: str, headers: Mapping[str, str]) -> Watched:
        """Watch nothing."""
        del method, path, headers
        return _UNWATCHED

    def scoring(self, model: str, rows: int | None) -> AbstractContextManager[object]:
        """Watch nothing."""
        del model, rows
        return self._block
