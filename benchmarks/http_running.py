"""A server as a process: started, waited for until it answers, looked at, and ended with all that it started."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

from benchmarks.http_servers import Server, variables

__all__ = ["Running", "running"]

_START_SECONDS = 90
_ASK_AGAIN_S = 0.005
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers.

    Attributes:
        server: which one.
        port: where it listens.
        process: what was started.
        start_s: seconds from there to the first right answer's status, 200.
    """

    server: Server
    port: int
    process: psutil.Popen
    start_s: float

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{self.server.path}"

    def answer(self, body: bytes) -> Any:
        """Return what it answers, decoded.

        Raises:
            RuntimeError: the status is not 200.
        """
        status, said = _post(self.server, self.port, body)
        if status != http.client.OK:
            raise RuntimeError(f"{self.server.title} answered {status}: {said[:300]!r}")
        return msgspec.json.decode(said)

    def memory_mib(self) -> int:
        """Return the resident memory of all its processes, in MiB."""
        return round(sum(process.memory_info().rss for process in self._processes()) / 2**20)

    def processes(self) -> int:
        """Return how many processes it has."""
        return len(self._processes())

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken."""
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(each.user + each.system for each in times))

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def running(server: Server, folder: Path, body: bytes) -> Iterator[Running]:
    """Start a server, wait until it answers `body` with 200, and end it after the block.

    Raises:
        RuntimeError: it ended, or did not answer in time; the text ends with what it said.
    """
    port = _free_port()
    command = [str(server.python()), *server.command(folder, port)]
    log = folder / "server.log"
    with log.open("wb") as said:
        started = time.perf_counter()
        process = psutil.Popen(
            command, cwd=folder, env=variables(server, folder, port), stdout=said, stderr=subprocess.STDOUT
        )
        try:
            _wait(server, port, process, body, log)
            yield Running(server=server, port=port, process=process, start_s=time.perf_counter() - started)
        finally:
            _end(process)


def _wait(server: Server, port: int, process: psutil.Popen, body: bytes, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    last = "it did not listen"
    while time.monotonic() < until:
        if process.poll() is not None:
            last = f"it ended with {process.returncode}"
            break
        try:
            status, said = _post(server, port, body)
        except (OSError, http.client.HTTPException):
            pass
        else:
            if status == http.client.OK:
                return
            last = f"it answered {status}: {said[:300]!r}"
        time.sleep(_ASK_AGAIN_S)
    raise RuntimeError(f"{server.title} did not start: {last}\n{log.read_text(errors='replace')[-2000:]}")


def _post(server: Server, port: int, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", server.path, body, dict(server.headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _end(process: psutil.Popen) -> None:
    left: list[psutil.Process | psutil.Popen] = [process]
    with suppress(psutil.NoSuchProcess):
        left += process.children(recursive=True)
        process.terminate()
    _, alive = psutil.wait_procs(left, timeout=_STOP_SECONDS)
    for each in alive:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


def _free_port() -> int:
    """Return a port that is free, and so are the two after it."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            try:
                first.bind(("127.0.0.1", 0))
                port: int = first.getsockname()[1]
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port
