"""`/healthz` and `/readyz` on a port of their own.

Served from a thread, so that they answer, and tell the truth, even while the event loop stands still.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self

import msgspec

from scoring.errors import ConfigurationError

__all__ = ["HealthServer"]

Problems = Callable[[], list[str]]


class HealthServer:
    """Answers 200 with `{"status": "ok"}`, or 503 with the problems in words."""

    def __init__(self, host: str, port: int, *, alive: Problems, ready: Problems) -> None:
        """Bind the port.

        Args:
            host: the address to listen on.
            port: the port; 0 takes a free one.
            alive: why the process should be replaced; nothing when it is well.
            ready: why it does not do its work at the moment; nothing when it does.

        Raises:
            ConfigurationError: the port cannot be bound.
        """

        class Handler(_Handler):
            checks = {"/healthz": alive, "/readyz": ready}  # noqa: RUF012 - set once, for this server

        try:
            self._server = _Server((host, port), Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(f"stream.health: cannot listen on {host}:{port}: {why}") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # idle callers must not keep a probe from connecting

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called: it may be long in answering."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    checks: dict[str, Problems]
    timeout = 5.0  # for a caller that connects and says nothing
    server_version = "weir"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        check = self.checks.get(self.path)
        if check is None:
            self._answer(404, {"status": "unknown", "known": sorted(self.checks)})
            return
        problems = check()
        self._answer(
            503 if problems else 200, {"status": "failing", "problems": problems} if problems else {"status": "ok"}
        )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a probe every few seconds is no news."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = msgspec.json.encode(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
