"""What the protocols have in common: a model for a request, scored in time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import ParamSpec, TypeVar

from function_app.batching import Batcher
from function_app.http import Request
from function_app.problems import ProblemError
from function_app.serving import Models
from function_app.settings import HttpSettings
from scoring import Event, Form, Outcome, Rejected
from telemetry import NullRequests, RequestObserver

__all__ = ["Service", "want_json"]

P = ParamSpec("P")
T = TypeVar("T")
_UNWATCHED = NullRequests()


class Service:
    """Scores what the protocols ask for.

    Attributes:
        models: what is served.
        settings: the door's.
    """

    def __init__(self, models: Models, settings: HttpSettings, observer: RequestObserver = _UNWATCHED) -> None:
        self.models = models
        self.settings = settings
        self._observer = observer
        self._mirroring: set[asyncio.Task[None]] = set()

    async def batcher(self, request: Request, name: str = "") -> Batcher:
        """Return the model that answers: the one that is named, else the deployment whose share the request falls in.

        Raises:
            ProblemError: 404, there is no such model; 503, none is loaded, or it must not be served.
        """
        return await self.models.named(name) if name else self.models.choose(request.body)

    async def score(self, batcher: Batcher, events: Sequence[Event], form: Form, *, named: bool) -> list[Outcome]:
        """Return one outcome for each event, in order; mirrors score them too, unseen.

        Args:
            batcher: the model.
            events: what to score.
            form: how they carry the features.
            named: whether the request named the model itself; then nothing is mirrored.

        Raises:
            ProblemError: 503, too much waits already; 504, it took too long.
        """
        if not named:
            self._mirror(batcher, events, form)
        with self.scoring(batcher, len(events)):
            return await batcher.score(events, form)

    async def score_classes(
        self, batcher: Batcher, events: Sequence[Event], form: Form
    ) -> list[list[float] | Rejected]:
        """Return for each event the score of every class, in the manifest's order.

        Raises:
            ProblemError: 503, too much waits already; 504, it took too long.
        """
        with self.scoring(batcher, len(events)):
            return await batcher.score_classes(events, form)

    def scoring(self, batcher: Batcher, rows: int | None = None) -> AbstractContextManager[object]:
        """Tell who watches the request that a model scores it during the block.

        Args:
            batcher: the model.
            rows: how many, where that is known already.
        """
        return self._observer.scoring(batcher.pipeline.manifest.reference, rows)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns that takes too long for the event loop.

        Raises:
            ProblemError: 504, it took too long.
        """
        limit = self.settings.limits.scoring_s
        try:
            async with asyncio.timeout(limit):
                return await self.models.in_thread(function, *args, **kwargs)
        except TimeoutError as error:
            raise ProblemError(504, f"scoring took longer than {limit:g} s") from error

    def _mirror(self, batcher: Batcher, events: Sequence[Event], form: Form) -> None:
        for mirror in self.models.mirrors(events[0].value or b"") if self.models.has_mirrors else ():
            if mirror is not batcher:
                task = asyncio.create_task(_unseen(mirror, events, form))
                self._mirroring.add(task)
                task.add_done_callback(self._mirroring.discard)


async def _unseen(mirror: Batcher, events: Sequence[Event], form: Form) -> None:
    """Score without an answer; a mirror that has too much to do misses some, and never fails the caller."""
    with suppress(Exception):
        await mirror.score(events, form)


def want_json(request: Request) -> None:
    """Refuse a body that does not call itself JSON.

    Raises:
        ProblemError: 415.
    """
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ProblemError(415, f"the body is {kind[:100]}; expected application/json")
