"""Keys are rotated, a model is replaced and the server stops, while 64 connections keep asking: nobody is failed."""

import asyncio
import json
import shutil
import signal
from pathlib import Path

from examples.fraud.events import events
from models import LocalStore
from tests.http.running import KEY, Serving, serving

CONNECTIONS = 64
EVENT = events(1, malformed=0)[0].value


class Caller:
    """One connection that asks again as soon as it is answered, until it is told that the connection ends."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.key = KEY
        self.versions: list[int] = []
        self.failures: list[str] = []

    async def ask_until_closed(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while await self._ask(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError) as error:
            self.failures.append(repr(error))
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = f"POST /models/fraud@champion/predictions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.key}\r\n"
        writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(EVENT)}\r\n\r\n".encode() + EVENT)
        async with asyncio.timeout(20):
            head_lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head_lines[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
        if not head_lines[0].startswith("http/1.1 200"):
            self.failures.append(head_lines[0])
            return False
        self.versions.append(json.loads(body)[0]["model"]["version"])
        return headers.get("connection") != "close"


async def asked(callers: list[Caller], more: int) -> None:
    """Wait until each caller was answered so many times more."""
    goals = [len(caller.versions) + more for caller in callers]
    async with asyncio.timeout(60):
        while any(len(c.versions) < goal and not c.failures for c, goal in zip(callers, goals, strict=True)):
            await asyncio.sleep(0.02)


async def rotate(folder: Path, callers: list[Caller]) -> None:
    """Renew the secondary key, move everybody to it, then renew the primary one."""
    new = "secondary-key-of-tests-0002"
    (folder / "secondary").write_text(new)
    await asyncio.sleep(2.5)  # two of the server's looks at the files
    for caller in callers:
        caller.key = new
    await asked(callers, 2)
    (folder / "primary").write_text("primary-key-of-tests-0002")
    await asyncio.sleep(2.5)
    await asked(callers, 2)


async def test_no_request_fails_while_everything_changes(fraud_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(fraud_store, store)
    with serving(tmp_path, store) as server:
        callers = [Caller(server.port) for _ in range(CONNECTIONS)]
        asking = [asyncio.create_task(caller.ask_until_closed()) for caller in callers]
        await asked(callers, 2)
        await rotate(tmp_path, callers)
        await promote(store, callers)
        await drain(server, asking)
    assert [failure for caller in callers for failure in caller.failures] == []
    assert {caller.versions[0] for caller in callers} == {1}
    assert {caller.versions[-1] for caller in callers} == {2}
    assert all(sorted(caller.versions) == caller.versions for caller in callers)


async def promote(store: Path, callers: list[Caller]) -> None:
    models = LocalStore(store)
    new = models.add(models.manifest("fraud", 1), models.model("fraud", 1))
    models.set_alias("fraud", "champion", new.version)
    async with asyncio.timeout(60):
        while any(caller.versions[-1] != new.version and not caller.failures for caller in callers):
            await asyncio.sleep(0.02)


async def drain(server: Serving, asking: list[asyncio.Task[None]]) -> None:
    server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        await asyncio.gather(*asking)
        code = await asyncio.to_thread(server.process.wait)
    assert code == 0
