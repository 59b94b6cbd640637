"""The SDK's clients of Event Hubs, made fit for tests: shorter waits, and no sockets left behind."""

import asyncio
import contextlib
import sys
import types
from collections.abc import AsyncIterator
from typing import Any

import pytest

__all__ = ["hurried_sdk"]

# It looks for a frame every 50 ms, of which opening a link needs a dozen, and for the end of its tasks every second.
_SHORTER = {0.05: 0.002, 1: 0.02}


class _ImpatientAsyncio(types.ModuleType):
    """asyncio, with a `sleep` that is shorter where the SDK only polls, and connections that can be closed later."""

    def __init__(self) -> None:
        super().__init__("asyncio")
        self.writers: list[asyncio.StreamWriter] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay: float, *arguments: Any, **options: Any) -> None:
        await asyncio.sleep(_SHORTER.get(delay, delay), *arguments, **options)

    async def open_connection(self, *arguments: Any, **options: Any) -> Any:
        reader, writer = await asyncio.open_connection(*arguments, **options)
        self.writers.append(writer)
        return reader, writer

    async def close_what_is_open(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # that is when the sockets are closed


@contextlib.asynccontextmanager
async def hurried_sdk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Have the asynchronous clients poll more often: what they send stays the same, a test takes a tenth.

    A client that is cancelled while it connects forgets its socket, which a suite where warnings are errors does not
    forgive. Such sockets are closed in the end.
    """
    impatient = _ImpatientAsyncio()
    for name, module in list(sys.modules.items()):
        if name.startswith("azure.eventhub.") and getattr(module, "asyncio", None) is asyncio:
            monkeypatch.setattr(module, "asyncio", impatient)
    try:
        yield
    finally:
        await impatient.close_what_is_open()
