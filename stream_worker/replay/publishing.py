"""Answers to a stream, published as the worker publishes them, and acknowledged before they are recorded.

Rules:
- A portion is published whole before the next, so the order of its partition and of its keys is kept.
- A part is a portion: after a crash at most one is published again, with the same bytes in each value.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

from scoring import Rejected, encode
from scoring.errors import StalledError
from stream_worker.delivery import Answers, deliver
from stream_worker.messages import dead_letter, prediction_messages
from stream_worker.ports import Outgoing, Sink
from stream_worker.replay.answers import Answered
from stream_worker.replay.records import Group

__all__ = ["StreamParts"]

_CLOSING_S = 10.0
_SOURCE = "weir-source"
T = TypeVar("T")


class StreamParts:
    """Publishes each portion through two sinks, which live in an event loop of their own."""

    def __init__(self, connect: Callable[[], tuple[Sink, Sink]], *, model: str, stall_timeout: float) -> None:
        """Connect nothing yet.

        Args:
            connect: makes the sink and the dead letters' sink.
            model: the model's reference, for the dead letters.
            stall_timeout: seconds that one portion may take.
        """
        self._connect = connect
        self._model = model
        self._stall_timeout = stall_timeout
        self._connections = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="publishing", daemon=True)

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            SinkError: nobody answers, or a stream does not exist.
        """
        self._thread.start()
        try:
            self._wait(self._open(), self._stall_timeout, "connecting")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._wait(self._connections.aclose(), _CLOSING_S, "closing")
        finally:
            self._end()

    @property
    def is_full(self) -> bool:
        """Each portion is a part."""
        return True

    def keep(self, group: Group, answered: Answered) -> Sequence[Rejected]:
        """Return when all of a portion is acknowledged, with why predictions became dead letters after all.

        Raises:
            SinkError: it was not, for longer than is allowed; some of it may have been published.
            StalledError: the client library hangs.
        """
        answers = Answers(
            answered=answered.events,
            predictions=_predictions(group, answered),
            letters=[dead_letter(event, why, self._model) for event, why in answered.refused],
            model=self._model,
        )
        burying = self._dead_letters if _are_placed(answered) else _Placed(self._dead_letters, group)
        publishing = deliver(answers, sink=self._sink, dead_letters=burying)
        try:
            return self._wait(publishing, self._stall_timeout, "publishing")
        except ExceptionGroup as errors:  # of the two sinks, each may have failed
            raise errors.exceptions[0] from None

    def finish_part(self, group: Group, number: int) -> Mapping[str, int]:  # noqa: ARG002 - all is acknowledged
        """There are no files."""
        return {}

    def drop(self) -> None:
        """What was published cannot be taken back."""

    async def _open(self) -> None:
        self._sink, self._dead_letters = self._connect()
        for sink in (self._dead_letters, self._sink):
            await self._connections.enter_async_context(sink)

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float, step: str) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError as error:
            future.cancel()
            raise StalledError(f"{step} took longer than {seconds:g} s") from error

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSING_S)
        if not self._thread.is_alive():
            self._loop.close()


class _Placed:
    """A sink for dead letters of events without positions: each is told, and put, to where its group stands."""

    def __init__(self, sink: Sink, group: Group) -> None:
        self._sink = sink
        self._group = group

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """The sink belongs to whoever opened it."""

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[int]:
        """Publish dead letters; return the places of those that are too large."""
        return await self._sink.publish([self._placed(letter) for letter in messages])

    def _placed(self, letter: Outgoing) -> Outgoing:
        headers = list(letter.headers)
        ours = max(place for place, (name, _) in enumerate(headers) if name == _SOURCE)  # the event's own stand before
        headers[ours] = (_SOURCE, self._group.stream.encode())
        return Outgoing(letter.value, letter.key, headers, self._group.partition)


def _are_placed(answered: Answered) -> bool:
    return all(event.position is not None for event in answered.portion.events)


def _predictions(group: Group, answered: Answered) -> list[Outgoing]:
    if _are_placed(answered):
        return prediction_messages(answered.events, answered.predictions, time.time())
    source = [(_SOURCE, group.stream.encode())]
    values = encode(answered.predictions)
    pairs = zip(answered.events, values, strict=True)
    return [Outgoing(value, event.key, source, group.partition) for event, value in pairs]
