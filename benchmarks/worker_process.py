"""A worker as `weir worker` runs it, that stops by itself after a number of events and prints what it counted."""

import argparse
import asyncio
import gc
import json
import sys
from pathlib import Path

import uvloop

from stream_worker import StreamSettings
from telemetry import Counters
from weir.settings import load_settings
from weir.worker import build_worker, load_deployment, run_worker


async def _run(options: argparse.Namespace) -> None:
    settings = load_settings(options.config)
    stream = settings.stream
    if not isinstance(stream, StreamSettings):
        raise SystemExit(f"{options.config} has no stream")
    counters, stop = Counters(), asyncio.Event()
    worker = build_worker(load_deployment(settings, stream), stream, counters)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    running = asyncio.create_task(run_worker(worker, stop, stream))
    while counters.events < options.events and not running.done():
        await asyncio.wait([running], timeout=0.1)
    stop.set()
    await running
    per_event = {stage: seconds / counters.events * 1e6 for stage, seconds in counters.seconds.items()}
    sys.stdout.write(json.dumps({"events": counters.events, "batches": counters.batches, "us": per_event}) + "\n")


def main() -> None:
    """Run until the given number of events is scored."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--events", type=int, required=True)
    uvloop.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
