"""Child processes of a benchmark, and the memory they take."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

__all__ = ["ROOT", "Memory", "configure", "finished", "python", "watched"]

ROOT = Path(__file__).parent.parent


def configure(folder: Path, source: str, sink: str, *, topic: str = "transactions", **stream: Any) -> Path:
    """Write a worker's configuration and return its path.

    Args:
        folder: holds the store, and gets the file.
        source: the Kafka to read from.
        sink: the Kafka to write to.
        topic: the topic to read; answers go to `predictions` and `dead`.
        stream: further settings of the stream.
    """
    settings = {
        "store": str(folder / "store"),
        "deployments": [{"name": "blue", "model": "benchmark"}],
        "stream": {
            "source": {"kind": "kafka", "bootstrap_servers": source, "topic": topic, "group": "benchmark"},
            "sink": {"kind": "kafka", "bootstrap_servers": sink, "topic": "predictions", "timeout_s": 600},
            "dead_letters": {"kind": "kafka", "bootstrap_servers": sink, "topic": "dead"},
            "health": None,
            **stream,
        },
    }
    path = folder / "weir.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def python(module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a module of ours as a process of its own, with more in its environment."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | environment)


def finished(process: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    """Wait for a process to end well, and return the JSON it printed."""
    output, _ = process.communicate(timeout=seconds)
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    said: dict[str, Any] = json.loads(output or "{}")
    return said


class Memory:
    """Resident memory of a process, in MiB, twice a second."""

    def __init__(self) -> None:
        self.samples: list[float] = []

    def summary(self) -> dict[str, float]:
        """Return the memory after a third of the run, at its largest, and at the end, in MiB."""
        settled = self.samples[len(self.samples) // 3 :] or [0.0]
        return {"settled": round(settled[0]), "largest": round(max(settled)), "last": round(settled[-1])}


@contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[Memory]:
    """Sample the memory of a process while the block runs."""
    memory, over = Memory(), threading.Event()

    def sample() -> None:
        watched_process = psutil.Process(process.pid)
        while not over.wait(0.5):
            try:
                memory.samples.append(watched_process.memory_info().rss / 2**20)
            except psutil.Error:
                return

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()
