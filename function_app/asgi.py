"""The container shell: the handler as an ASGI application.

It translates and does nothing else, but for one thing that only a shell can do: it stops reading a body that is too
long or too slow.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from function_app.http import Request, Response
from function_app.problems import ProblemError, problem_response
from function_app.settings import LimitSettings

__all__ = ["Application", "Handles"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CLOSE: Final = (b"connection", b"close")


class Handles(Protocol):
    """What answers requests: the handler."""

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request."""
        ...

    def refuse(self, request: Request, problem: ProblemError) -> Response:
        """Return the answer to a request whose body was not read to its end."""
        ...


class Application:
    """An ASGI application over a handler.

    Attributes:
        draining: while set, each answer asks its caller to connect anew, so that connections end without an error.
    """

    def __init__(self, handler: Handles, limits: LimitSettings) -> None:
        self._handler = handler
        self._limits = limits
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"nothing here speaks {scope['type']}")
        try:
            body = await self._body(scope, receive)
        except ProblemError as problem:
            # what is still on its way would be taken for the next request
            await _send(self._refuse(scope, problem), send, close=True)
            return
        if body is not None:
            await _send(await self._answer(scope, body), send, close=self.draining)

    def _refuse(self, scope: Scope, problem: ProblemError) -> Response:
        try:
            request = _request(scope, b"")
        except ValueError:
            return problem_response(problem)
        return self._handler.refuse(request, problem)

    async def _answer(self, scope: Scope, body: bytes) -> Response:
        try:
            request = _request(scope, body)
        except ValueError as error:
            return problem_response(ProblemError(400, f"the query cannot be read: {error}"))
        return await self._handler.handle(request)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; None when the caller has gone.

        Raises:
            ProblemError: 413, it is too long; 408, it came too slowly.
        """
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > self._limits.body_bytes:
                raise self._too_long(int(value))
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if not message.get("more_body"):
            first: bytes = message.get("body", b"")
            return first
        try:
            async with asyncio.timeout(self._limits.body_s):
                return await self._rest(message.get("body", b""), receive)
        except TimeoutError as error:
            raise ProblemError(408, f"the body did not arrive within {self._limits.body_s:g} s") from error

    async def _rest(self, first: bytes, receive: Receive) -> bytes | None:
        parts, size = [first], len(first)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self._limits.body_bytes:
                raise self._too_long(size)
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_long(self, size: int) -> ProblemError:
        return ProblemError(413, f"the body has {size} bytes or more; at most {self._limits.body_bytes} are accepted")


def _request(scope: Scope, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = scope["query_string"]
    return Request(
        scope["method"],
        scope["path"],
        headers,
        body,
        dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)) if query else {},
    )


async def _send(response: Response, send: Send, *, close: bool) -> None:
    headers = [
        (b"content-type", response.content_type.encode("latin-1")),
        (b"content-length", str(len(response.body)).encode()),
    ]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if close:
        headers.append(_CLOSE)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
