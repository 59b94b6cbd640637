"""The server of the container shell: uvicorn, with bounds on a caller's headers and an end that fails nobody."""

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from function_app.asgi import Application
from function_app.settings import HttpSettings
from scoring.errors import ConfigurationError

__all__ = ["Server", "listen"]

_MAX_HEADER_BYTES = 65_536
_KEEP_ALIVE_S = 75
_BACKLOG = 2048
_DRAIN_S = 2.0  # how long idle connections are given to ask once more, and be told to connect anew
_CHECK_S = 0.02


def listen(settings: HttpSettings, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens where the settings say.

    Args:
        settings: the door's.
        shared: whether other processes listen on the same port.

    Raises:
        ConfigurationError: the port cannot be bound.
    """
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG, reuse_port=shared)
    except OSError as error:
        raise ConfigurationError(f"http: cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error


class Server(uvicorn.Server):
    """Serves an application until it is told to stop.

    Attributes:
        end_by: when the stop must be over, on the monotonic clock; before there is one, the moment of its making.
    """

    def __init__(self, application: Application, settings: HttpSettings) -> None:
        self._application = application
        self._patience_s = settings.shutdown_timeout_s + _DRAIN_S
        self.end_by = time.monotonic()
        super().__init__(
            uvicorn.Config(
                application,
                http=type("_Protocol", (_Protocol,), {"header_s": settings.limits.header_s}),
                ws="none",
                lifespan="off",
                loop="none",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, int(settings.shutdown_timeout_s)),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and Ctrl-C, and then end well: uvicorn would die of the signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, let those there are end with an answer, then close what is left."""
        self._application.draining = True
        self.end_by = time.monotonic() + self._patience_s
        for server in self.servers:
            server.close()
        for _ in range(int(_DRAIN_S / _CHECK_S)):
            if not self.server_state.connections or self.force_exit:
                break
            await asyncio.sleep(_CHECK_S)
        await super().shutdown(sockets)


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on how long headers may take and how large they may grow.

    Attributes:
        header_s: seconds from the first byte of a request, or from the connection, to the end of the headers.
    """

    header_s = 10.0
    _waiting: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _in_headers = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._header_bytes += len(data)
            if self._waiting is None:
                self._begin()
        super().data_received(data)
        if self._in_headers and self._header_bytes > _MAX_HEADER_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._end()
        self._in_headers = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._header_bytes = 0
        super().on_message_complete()

    def _begin(self) -> None:
        self._waiting = self.loop.call_later(self.header_s, self.transport.close)

    def _end(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
