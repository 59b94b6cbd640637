"""`weir demo`: from nothing to a scored stream, on this machine alone."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import uvloop
from rich.console import Console

from examples.fraud.release import release
from models import LocalStore, load_pipeline, parse_reference
from scoring import Manifest, Pipeline
from scoring.errors import StalledError, StreamError
from stream_worker import StreamSettings
from telemetry import Counters
from weir.demo.screen import Screen, summary
from weir.demo.wires import DEAD_LETTERS, PREDICTIONS, STEADY_RATE, TRANSACTIONS, Kind
from weir.worker import build_worker, run_worker

__all__ = ["command"]

_START_S = 60.0
_EVENTS: Mapping[str, int] = {"kafka": 200_000, "event_hubs": 20_000}
_LONGEST_S = 600.0
_END_S = 5.0
_REFRESH_S = 0.1


def command(
    *,
    source: Annotated[Kind, typer.Option(help="The wire: Kafka, or Event Hubs.")] = "kafka",
    events: Annotated[
        int | None, typer.Option(min=1000, help="Transactions to stream.", show_default="200000; event_hubs 20000")
    ] = None,
    malformed: Annotated[int, typer.Option(min=0, help="How many of them are broken on purpose.")] = 100,
    out: Annotated[Path, typer.Option(help="Where the model store and the report go.")] = Path("out/demo"),
) -> None:
    """Train a fraud model, certify it as ONNX, and score a stream of transactions through an embedded Kafka broker.

    Nothing but this machine is needed. At the end every event is accounted for in report.json. With --source event_hubs
    the stream is a stand-in for Azure Event Hubs that speaks its wire; it needs Node.js.

    Example: weir demo --events 50000
    """
    console = Console()
    out.mkdir(parents=True, exist_ok=True)
    store = LocalStore(out / "store")
    with console.status("training") as status:
        manifest = release(store, report=status.update)
    _show_model(console, manifest)
    pipeline = load_pipeline(store, parse_reference(f"{manifest.name}@champion"))
    report = uvloop.run(_stream(pipeline, console, source, events or _EVENTS[source], malformed)) | _about(manifest)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(summary(report))
    console.print(f"report: {out / 'report.json'}")
    if report["lost"] or report["duplicated"] or report["out_of_order"] or report["wrongly_answered"]:
        raise StreamError("the stream was not answered as promised: see the report")


async def _stream(pipeline: Pipeline, console: Console, source: Kind, events: int, malformed: int) -> dict[str, Any]:
    steady = events // 10
    traffic = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "weir.demo.traffic"),
        *("--source", source, "--events", str(events), "--malformed", str(malformed), "--steady", str(steady)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        with console.status("starting the server and writing transactions"):
            settings = _settings(await _heard(traffic, _START_S))
        what = "broker" if source == "kafka" else "event hubs"
        console.print(
            f"streaming {events:,} transactions through the {what} at {settings.source.where}, "
            f"{malformed} of them malformed"
        )
        counters, stop = Counters(), asyncio.Event()
        speed = _Speed(counters, events - steady)
        worker = asyncio.create_task(run_worker(build_worker(pipeline, settings, counters), stop, settings))
        counted = asyncio.create_task(_heard(traffic, _LONGEST_S))
        with Screen(console, counters, events) as screen:
            while not counted.done() and not worker.done():
                await asyncio.wait([counted, worker], timeout=_REFRESH_S)
                speed.look()
                screen.refresh()
        stop.set()
        await worker
        return {**(await counted), **speed.figures(), "source": source, "steady_rate": STEADY_RATE[source]}
    finally:
        await _end(traffic)


class _Speed:
    """Events a second while the producer sends as fast as it can, and latency while it sends at a steady rate."""

    def __init__(self, counters: Counters, burst: int) -> None:
        self._counters = counters
        self._burst = burst
        self._began: tuple[float, int] | None = None
        self._ended: tuple[float, int] | None = None
        self._before = counters.latencies.copy()

    def look(self) -> None:
        """Note when the burst begins and ends."""
        events = self._counters.events
        if self._began is None and events:
            self._began = (time.monotonic(), events)
        if self._ended is None and events >= self._burst:
            self._ended = (time.monotonic(), events)
            self._before = self._counters.latencies.copy()

    def figures(self) -> dict[str, float]:
        """Return `events_per_second`, `latency_ms_p50` and `latency_ms_p99`."""
        began, ended = self._began or (0.0, 0), self._ended or (0.0, 0)
        steady = Counters(latencies=self._counters.latencies - self._before)
        return {
            "events_per_second": round((ended[1] - began[1]) / max(ended[0] - began[0], 1e-9)),
            "latency_ms_p50": _finite(steady.latency_ms(0.5)),
            "latency_ms_p99": _finite(steady.latency_ms(0.99)),
        }


def _finite(value: float) -> float:
    return value if np.isfinite(value) else -1.0


async def _heard(traffic: asyncio.subprocess.Process, seconds: float) -> dict[str, Any]:
    """Return the next line that the other side says."""
    if traffic.stdout is None:
        raise StreamError("the traffic process has no standard output")
    try:
        async with asyncio.timeout(seconds):
            line = await traffic.stdout.readline()
    except TimeoutError as error:
        raise StalledError(f"the traffic process said nothing for {seconds:g} s") from error
    if not line:
        raise StreamError("the traffic process ended before its time; its error stands above")
    heard: dict[str, Any] = json.loads(line)
    return heard


async def _end(traffic: asyncio.subprocess.Process) -> None:
    """End the other side: it leaves when its standard input ends, and is killed when it does not."""
    if traffic.stdin is not None:
        traffic.stdin.close()
    try:
        async with asyncio.timeout(_END_S):
            await traffic.wait()
    except TimeoutError:
        traffic.kill()
        await traffic.wait()


def _settings(address: Mapping[str, Any]) -> StreamSettings:
    name = "topic" if address["kind"] == "kafka" else "hub"
    group = "fraud-scoring" if address["kind"] == "kafka" else "$Default"
    sink = {"kind": address["kind"]}
    return StreamSettings.model_validate(
        {
            "source": {**address, name: TRANSACTIONS, "group": group},
            "sink": {**sink, name: PREDICTIONS},
            "dead_letters": {**sink, name: DEAD_LETTERS},
            "health": None,
        }
    )


def _show_model(console: Console, manifest: Manifest) -> None:
    certificate = manifest.certificate
    if certificate is None:
        raise StreamError(f"{manifest.reference} has no certificate")
    console.print(
        f"model {manifest.reference}: average precision {manifest.properties['test_average_precision']:.3f}\n"
        f"certified on {sum(certificate.rows.values()):,} rows: largest difference {certificate.score_difference:.1e}, "
        f"{certificate.flips} decisions flipped"
    )


def _about(manifest: Manifest) -> dict[str, Any]:
    certificate = manifest.certificate
    return {
        "model": {"name": manifest.name, "version": manifest.version, "digest": manifest.digest},
        "certificate": None if certificate is None else certificate.model_dump(mode="json"),
    }
