"""Azurite, Microsoft's emulator of blob storage, in a child process."""

import base64
import contextlib
import http.client
import secrets
import tempfile
import time
import uuid
from pathlib import Path
from typing import Self

from tests.brokers.jvm import Guard, JavaProgram

from .azurite_package import azurite_program, missing_tools
from .ports import HOST, listen

__all__ = ["Azurite", "missing_tools"]

_MEMORY_MEGABYTES = 256
_ANSWER_SECONDS = 2.0
_POLL_SECONDS = 0.02


class Azurite:
    """Blob storage on a loopback port, with everything in memory; it ends with the context, or with this process.

    Args:
        timeout: seconds that starting may take.

    Attributes:
        account: the name of the storage account.
        key: its key.

    Raises:
        RuntimeError: it could not be fetched, or did not start; the text says what it printed.
        TimeoutError: it did not answer in time; likewise.
    """

    def __init__(self, *, timeout: float = 60.0) -> None:
        self.timeout = timeout
        self.account = "weir"
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self._held = contextlib.ExitStack()
        self._program: JavaProgram | None = None
        self._port = 0

    @property
    def account_url(self) -> str:
        """Where the account's blobs are."""
        return f"http://{HOST}:{self._port}/{self.account}"

    @property
    def connection_string(self) -> str:
        """What Azure's clients are given."""
        account = f"AccountName={self.account};AccountKey={self.key}"
        return f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={self.account_url};"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill it; what it stored is gone."""
        self._held.close()
        self._program = None

    def stop_answering(self) -> None:
        """Stop it in its tracks: its connections stay open and nothing answers."""
        self._running().pause()

    def resume(self) -> None:
        """Let it go on."""
        self._running().resume()

    def create_container(self, name: str | None = None) -> str:
        """Create a container and return its name; without one it gets a name that no other has."""
        from azure.storage.blob import BlobServiceClient  # takes a while, and not everybody needs it

        name = name or f"container-{uuid.uuid4().hex}"
        with BlobServiceClient.from_connection_string(self.connection_string) as service:
            service.create_container(name).close()
        return name

    def _running(self) -> JavaProgram:
        if self._program is None:
            raise RuntimeError("Azurite is not running")
        return self._program

    def _start(self) -> None:
        command = ["/usr/bin/env", f"AZURITE_ACCOUNTS={self.account}:{self.key}", "node", str(azurite_program())]
        folder = Path(self._held.enter_context(tempfile.TemporaryDirectory(prefix="weir-azurite-")))
        guard = Guard()
        self._held.callback(guard.close)
        with listen() as free:
            self._port = free.getsockname()[1]
        self._program = JavaProgram(guard, command, folder / "log")
        self._held.callback(self._program.kill)
        self._program.start(*self._options())
        self._wait_until_it_answers(self._program)

    def _options(self) -> list[str]:
        return [
            "--blobHost", HOST,
            "--blobPort", str(self._port),
            "--inMemoryPersistence",
            "--extentMemoryLimit", str(_MEMORY_MEGABYTES),
            "--silent",
            "--disableTelemetry",
            "--skipApiVersionCheck",
        ]  # fmt: skip

    def _wait_until_it_answers(self, program: JavaProgram) -> None:
        deadline = time.monotonic() + self.timeout
        while not self._answers():
            if not program.running:
                raise RuntimeError(f"Azurite ended while it was starting:\n{program.tail()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Azurite did not answer within {self.timeout:.0f} s:\n{program.tail()}")
            time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
