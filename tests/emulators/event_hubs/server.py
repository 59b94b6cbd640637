"""The server: its thread, its socket, and what a test may ask of it.

Rules:
- Whatever is asked runs in the server's own thread, one thing after another; the caller waits until it is done.
- The server fails aloud: an error of its own is raised again when the context ends.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from tests.emulators.ports import HOST, listen

from .connection import Connection
from .log import EventHub
from .messages import Event, StoredEvent, encode_event
from .namespace import Namespace, RefusedLink
from .tokens import KEY_NAME, PutToken

__all__ = ["EventHubsServer"]

_Result = TypeVar("_Result")
_TICK_SECONDS = 0.1
_STOP_SECONDS = 10.0
_BACKLOG = 100


class EventHubsServer:
    """Event Hubs on a loopback port: AMQP 1.0 without TLS, everything in memory.

    Args:
        port: where to listen; 0 takes a free port.
    """

    def __init__(self, port: int = 0) -> None:
        self._bound = listen(port)
        self._port: int = self._bound.getsockname()[1]
        self._namespace = Namespace(f"{HOST}:{self._port}")
        self._errors: list[BaseException] = []
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="event-hubs", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._errors:
            raise RuntimeError("the Event Hubs server did not start") from self._errors[0]
        return self

    def __exit__(self, _: object, failure: BaseException | None, __: object) -> None:
        self.stop()
        if self._errors and failure:
            failure.add_note(f"the Event Hubs server failed, too: {self._errors[0]!r}")
        elif self._errors:
            raise RuntimeError("the Event Hubs server failed") from self._errors[0]

    def stop(self) -> None:
        """Drop every connection and end the thread; once stopped, further calls do nothing."""
        thread, self._thread = self._thread, None
        if thread and thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            thread.join(_STOP_SECONDS)
            if thread.is_alive():
                raise RuntimeError(f"the Event Hubs server did not stop within {_STOP_SECONDS:.0f} s")
        self._bound.close()

    # Addresses

    @property
    def namespace(self) -> str:
        """`host:port`, which clients take for the name of the namespace."""
        return self._namespace.address

    @property
    def key(self) -> str:
        """The shared access key."""
        return self._namespace.key

    def connection_string(self, hub: str | None = None) -> str:
        """Return what a client is given; with a hub's name, it is for that hub."""
        text = f"Endpoint=sb://{self.namespace};SharedAccessKeyName={KEY_NAME};SharedAccessKey={self.key}"
        return f"{text};UseDevelopmentEmulator=true" + (f";EntityPath={hub}" if hub else "")

    # Event hubs and events

    def create_hub(
        self,
        name: str,
        partitions: int = 4,
        *,
        groups: Sequence[str] = ("$Default",),
        max_message_bytes: int = 1_048_576,
    ) -> str:
        """Create an event hub, with its consumer groups, and return its name."""
        namespace = self._namespace
        hub = EventHub(name, partitions, groups=groups, max_message_bytes=max_message_bytes, clock=namespace.now)
        if self._call(lambda: namespace.hubs.setdefault(name.lower(), hub)) is not hub:
            raise ValueError(f"the event hub '{name}' exists already")
        return name

    def append(
        self,
        hub: str,
        partition: str | int,
        body: bytes | None,
        *,
        key: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an event without a client; None as its body is an AMQP value that is null."""
        self._store(hub, partition, [encode_event(body, key=key, properties=properties)])

    def append_many(
        self, hub: str, partition: str | int, bodies: Iterable[bytes | None], *, key: str | None = None
    ) -> None:
        """Store events, one for each body, as if they had come in one batch."""
        self._store(hub, partition, [encode_event(body, key=key) for body in bodies])

    def delete_before(self, hub: str, partition: str | int, sequence_number: int) -> None:
        """Delete the events before a sequence number, as retention does: no receiver gets them any more."""
        target = self._hub(hub).partitions[str(partition)]
        self._call(lambda: setattr(target, "first", sequence_number))

    def partition_of(self, hub: str, key: str) -> str:
        """Return the partition that events with this key are sent to."""
        return self._hub(hub).choose(key.encode()).name

    def _store(self, hub: str, partition: str | int, events: list[Event]) -> None:
        target = self._hub(hub).partitions[str(partition)]
        self._call(lambda: target.append(events))

    def events(self, hub: str, partition: str | int, start: int = 0) -> list[StoredEvent]:
        """Return what a partition has ever stored, from a sequence number on."""
        return [stored.decoded() for stored in self._hub(hub).partitions[str(partition)].stored[start:]]

    def count(self, hub: str) -> int:
        """Return how many events a hub has stored, in all partitions."""
        return sum(len(partition.stored) for partition in self._hub(hub).partitions.values())

    def receivers(self, hub: str, partition: str | int | None = None) -> int:
        """Return how many receivers are attached to a hub, or to one of its partitions."""
        partitions = self._hub(hub).partitions
        chosen = list(partitions.values()) if partition is None else [partitions[str(partition)]]
        return self._call(lambda: sum(len(readers) for each in chosen for readers in each.readers.values()))

    def links(self, hub: str) -> int:
        """Return how many links there are on a hub and its partitions, of senders and of receivers."""
        return self._call(lambda: sum(each.count(hub.lower()) for each in self._namespace.connections))

    def _hub(self, name: str) -> EventHub:
        return self._namespace.hubs[name.lower()]

    # Tokens, and what was refused

    @property
    def accepted_jwts(self) -> set[str]:
        """The bearer tokens that are accepted: the test fills it."""
        return self._namespace.accepted_jwts

    @property
    def put_tokens(self) -> list[PutToken]:
        """Every token that was presented so far, in order."""
        return list(self._namespace.put_tokens)

    @property
    def refused_links(self) -> list[RefusedLink]:
        """Every link that was refused so far, in order: the SDK's receivers do not say so themselves."""
        return list(self._namespace.refused)

    def advance_clock(self, seconds: float) -> None:
        """Set the server's clock ahead, or back: tokens expire by it, and events are stored at its time."""
        self._namespace.clock_ahead += seconds

    # Faults

    def detach(
        self, hub: str | None = None, partition: str | int | None = None, condition: bytes = b"amqp:internal-error"
    ) -> None:
        """Detach the links there are on a hub, or on one of its partitions; without a hub, all of them."""

        def detach() -> None:
            for connection in list(self._namespace.connections):
                connection.detach((hub or "").lower(), None if partition is None else str(partition), condition)

        self._call(detach)

    def drop_connections(self) -> None:
        """Reset every connection there is."""
        self._call(self._drop)

    def _drop(self) -> None:
        for connection in list(self._namespace.connections):
            connection.drop()

    def silence(self) -> None:
        """Answer and deliver nothing any more; connections are accepted and stay open."""
        self._set_silent(silent=True)

    def speak(self) -> None:
        """Answer again, beginning with what was asked in the meantime."""
        self._set_silent(silent=False)

    def _set_silent(self, *, silent: bool) -> None:
        def switch() -> None:
            self._namespace.faults.silent = silent
            for connection in list(self._namespace.connections):
                connection.hush() if silent else connection.speak()

        self._call(switch)

    def slow_down(self, seconds: float) -> None:
        """Wait before each delivery and before each acknowledgement; 0 is quick again."""
        self._set_fault("delay", seconds)

    def refuse_tokens(self, refuse: bool = True) -> None:
        """Answer every token with 401, or no longer; links that are attached stay."""
        self._set_fault("refuse_tokens", refuse)

    def busy(self, times: int) -> None:
        """Answer the next sends, and the next links, with `com.microsoft:server-busy`."""
        self._set_fault("busy", times)

    def lose_acknowledgements(self, times: int) -> None:
        """Store what is sent next, and drop its connection before that is acknowledged."""
        self._set_fault("lost_acknowledgements", times)

    def _set_fault(self, name: str, value: Any) -> None:
        self._call(lambda: setattr(self._namespace.faults, name, value))

    def down(self) -> None:
        """Refuse connections, and drop those there are; what is stored stays."""

        def down() -> None:
            if self._server:
                self._server.close()
                self._server = None
            self._drop()

        self._call(down)

    def up(self) -> None:
        """Accept connections again, on the same port."""
        if self._server is None:
            self._bound = listen(self._port)
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_STOP_SECONDS)

    # The thread

    def _call(self, action: Callable[[], _Result]) -> _Result:
        """Do something in the server's thread."""
        if not self._thread:
            raise RuntimeError("the Event Hubs server is not running")
        done: Future[_Result] = Future()

        def run() -> None:
            try:
                done.set_result(action())
            except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked for
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread of the test
            self._errors.append(error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._on_error)
        self._stopping = asyncio.Event()
        await self._listen()
        self._ready.set()
        while not self._stopping.is_set():
            for connection in list(self._namespace.connections):
                connection.tick()
            try:
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)
            except TimeoutError:
                continue
        if self._server:
            self._server.close()
        while self._namespace.connections:
            self._drop()
            await asyncio.sleep(0)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: Connection(self._namespace), sock=self._bound, backlog=_BACKLOG
        )

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error:
            self._errors.append(error)
        loop.default_exception_handler(context)
