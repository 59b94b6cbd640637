"""A headless Chromium, driven over its own debugging protocol."""

import asyncio
import json
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["CHROMIUM", "Tab", "browse"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)


class Tab:
    """One page, and what its console said."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while True:
            message = json.loads(await self._socket.receive_str(timeout=30))
            if message.get("id") == self._last:
                assert "error" not in message, message
                return message["result"]
            entry = message.get("params", {}).get("entry") or message.get("params", {}).get("exceptionDetails")
            if entry:
                self.complaints.append(entry.get("text", "") + str(entry.get("exception", "")))

    async def run(self, script: str) -> Any:
        """What an expression is, once it has settled."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait for a condition of the page, as the page sees it."""
        await self.run(
            "new Promise((met) => { const look = () => (" + condition + ") ? met() : setTimeout(look, 20); look(); })"
        )

    async def open(self, url: str, **metrics: Any) -> None:
        for domain in ("Page", "Log", "Runtime"):
            await self.call(f"{domain}.enable")
        if metrics:
            await self.call("Emulation.setDeviceMetricsOverride", **metrics)
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")


@asynccontextmanager
async def browse(folder: Path) -> AsyncIterator[Tab]:
    """A new browser with an empty profile in `folder`, and its only tab."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"),
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while not (port := _port(folder / "DevToolsActivePort")):
                await asyncio.sleep(0.05)
            async with session.get(f"http://127.0.0.1:{port}/json") as listed:
                (page,) = [each for each in await listed.json() if each["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=2**26) as socket:
                yield Tab(socket)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it has many processes
        await process.wait()


def _port(file: Path) -> str:
    """The port that the browser listens on; empty until it has written it down."""
    lines = file.read_text().split("\n") if file.exists() else []
    return lines[0] if len(lines) > 1 else ""
