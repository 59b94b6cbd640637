"""A backend that is busy, silent or gone: nothing that is scored suffers from it."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cli.test_worker import running
from tests.cli.test_worker_telemetry import Stage, payment
from tests.emulators.ingestion import KEY, ingestion_server

MODES = ("busy", "hang", "gone")
STORED_BYTES = 1_000_000


@contextmanager
def backend(mode: str) -> Iterator[str]:
    """Yield the address of a backend that fails in some way."""
    if mode == "gone":
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    with ingestion_server() as server:
        server.mode = mode
        yield server.url
        assert server.asked


def follow(broker, folder: Path, mode: str, monkeypatch: pytest.MonkeyPatch, *, seconds: float, rate: int) -> None:
    """Score a stream for a while beside a backend that fails, and see that nothing else does."""
    stage = Stage(broker, folder, storage=str(folder / "unsent"), storage_bytes=STORED_BYTES, flush_s=2)
    stage.settings["stream"]["shutdown_timeout_s"] = 10
    with backend(mode) as url:
        monkeypatch.setenv(
            "APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={KEY};IngestionEndpoint={url}/"
        )
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with running(folder, stage.settings) as worker:
            worker.until(lambda: worker.all_ready(1), "ready")
            process = psutil.Process(worker.process.pid)
            sent, settled = 0, 0
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                stage.send(*(payment(number) for number in range(sent, sent + rate)))
                sent += rate
                time.sleep(1)
                if not settled and time.monotonic() > end - seconds / 2:
                    settled = process.memory_info().rss
            worker.until(lambda: len(stage.predictions()) >= sent, "scored")
            grown = process.memory_info().rss - settled
            begun = time.monotonic()
            assert worker.stop() == 0
            assert time.monotonic() - begun < 12
            assert "Traceback" not in worker.said
    found = [json.loads(message.value())["event_id"] for message in stage.predictions()]
    assert sorted(found) == sorted(f"p{number}" for number in range(sent))
    assert grown < 32 * 2**20
    assert size_of(folder / "unsent") < STORED_BYTES * 1.2


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_and_the_stop_is_in_time(apache_kafka, tmp_path, mode, monkeypatch):
    follow(apache_kafka, tmp_path, mode, monkeypatch, seconds=8, rate=500)


@pytest.mark.chaos
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mode", MODES)
def test_for_ten_minutes(apache_kafka, tmp_path, mode, monkeypatch):
    follow(apache_kafka, tmp_path, mode, monkeypatch, seconds=600, rate=1000)
