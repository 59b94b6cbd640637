"""`weir serve` as a process of its own."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

__all__ = ["KEY", "Serving", "serving", "started"]

KEY = "primary-key-of-tests-0001"
_ROOT = Path(__file__).parents[2]
_STARTED = re.compile(r"serving .* on http://127\.0\.0\.1:(\d+)/docs")


class Serving:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self._started = threading.Event()
        self.port = 0
        threading.Thread(target=self._read, daemon=True).start()
        if not self._started.wait(60) or not self.port:
            raise RuntimeError("".join(self.log))

    @property
    def resident_mib(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            kind = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
            connection.request(
                method, path, body, kind | {name.replace("_", "-"): text for name, text in headers.items()}
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.log.append(line)
            started = _STARTED.search(line)
            if started:
                self.port = int(started[1])
                self._started.set()
        self._started.set()


@contextmanager
def serving(folder: Path, store: Path, *, model: str = "fraud@champion", **http_settings: Any) -> Iterator[Serving]:
    """Run `weir serve` over a store, with a model deployed and both keys in files."""
    (folder / "primary").write_text(KEY)
    (folder / "secondary").write_text("secondary-key-of-tests-0001")
    keys = {"primary_key_file": str(folder / "primary"), "secondary_key_file": str(folder / "secondary")}
    settings = {
        "store": str(store),
        "deployments": [{"name": "blue", "model": model}],
        "http": {"port": 0, "auth": {"mode": "key", "refresh_s": 1, **keys}, "reload_s": 0.2, **http_settings},
    }
    config = folder / "weir.yaml"
    config.write_text(yaml.safe_dump(json.loads(json.dumps(settings))))
    with started(config) as running:
        yield running


@contextmanager
def started(config: Path, **environment: str) -> Iterator[Serving]:
    """Run `weir serve` with a configuration."""
    process = subprocess.Popen(
        [sys.executable, "-m", "weir", "serve", "--config", str(config)],
        cwd=_ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )
    try:
        yield Serving(process)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
