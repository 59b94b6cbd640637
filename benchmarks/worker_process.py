"""A worker as `weir worker` runs it, that stops by itself after a number of events and prints what it counted."""

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

import uvloop

from stream_worker import StreamSettings
from stream_worker.subject import subject_of
from telemetry import Counters, Observers
from telemetry.setup import Telemetry
from weir.logs import begin_log
from weir.settings import Settings, load_settings
from weir.worker import build_worker, load_deployment, run_worker


async def _run(options: argparse.Namespace, settings: Settings, telemetry: Telemetry) -> None:
    stream = settings.stream
    if not isinstance(stream, StreamSettings):
        raise SystemExit(f"{options.config} has no stream")
    counters, stop = Counters(), asyncio.Event()
    observer = Observers((counters, telemetry.stream(subject_of(stream))))
    worker = build_worker(load_deployment(settings, stream), stream, observer)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    started = time.process_time()
    running = asyncio.create_task(run_worker(worker, stop, stream))
    while counters.events < options.events and not running.done():
        await asyncio.wait([running], timeout=0.1)
    stop.set()
    await running
    per_event = {stage: seconds / counters.events * 1e6 for stage, seconds in counters.seconds.items()}
    said = {"events": counters.events, "batches": counters.batches, "us": per_event}
    sys.stdout.write(json.dumps(said | {"cpu_us": (time.process_time() - started) / counters.events * 1e6}) + "\n")


def main() -> None:
    """Run until the given number of events is scored."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--events", type=int, required=True)
    options = parser.parse_args()
    settings = load_settings(options.config)
    with Telemetry(settings.telemetry, os.environ, begin_log(settings)) as telemetry:
        uvloop.run(_run(options, settings, telemetry))


if __name__ == "__main__":
    main()
