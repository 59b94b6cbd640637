"""`weir worker`: score a stream until told to stop."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from models import LocalStore, load_pipeline
from scoring import Pipeline
from scoring.errors import ConfigurationError, WeirError
from stream_worker import Status, StreamSettings, Watchdog, Worker, make_sink, make_source
from stream_worker.health import HealthServer
from stream_worker.processes import EXIT_CONFIGURATION, supervise
from stream_worker.subject import subject_of
from stream_worker.watchdog import EXIT_STALLED
from telemetry import Counters, Observer, Observers
from telemetry.setup import Telemetry
from weir.logs import begin_log
from weir.settings import Settings, load_settings

__all__ = ["build_worker", "command", "load_deployment", "run_worker", "stop_on_signals", "stream_settings"]

_LOG = logging.getLogger(__name__)
_GRACE_S = 5.0  # between the stop's deadline and the moment the process is ended from outside the event loop


def command(
    config: Annotated[Path, typer.Option(help="The configuration file.")] = Path("weir.yaml"),
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; they share the topic's partitions.")] = 1,
    index: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Score a stream: read events, publish predictions and dead letters, commit what is done.

    Stops cleanly on Ctrl-C or SIGTERM: what was read is finished and committed first.

    Example: weir worker --config weir.yaml --workers 2
    """
    settings = load_settings(config)
    redactor = begin_log(settings)
    stream = stream_settings(settings, config)
    if workers > 1:
        raise typer.Exit(uvloop.run(_run_processes(config, workers, stream)))
    try:
        with Telemetry(settings.telemetry, os.environ, redactor) as telemetry:
            pipeline = load_deployment(settings, stream)
            telemetry.check([pipeline.manifest])
            try:
                uvloop.run(_run_one(pipeline, stream, index, telemetry))
            except WeirError as error:
                _LOG.error("ended: %s", error)
                raise
    except WeirError as error:
        # a client library's thread may hang: say what is wrong, then end without waiting for it
        sys.stderr.write(f"error: {redactor.text(str(error))}\n")
        sys.stderr.flush()
        os._exit(1 if error.retryable else EXIT_CONFIGURATION)  # a supervisor starts the first kind again


def build_worker(
    pipeline: Pipeline, stream: StreamSettings, observer: Observer, status: Status | None = None
) -> Worker:
    """Return a worker with the source and sinks that the settings name."""
    return Worker(
        source=make_source(stream.source),
        sink=make_sink(stream, stream.sink, name="sink"),
        dead_letters=make_sink(stream, stream.dead_letters, name="dead_letters"),
        pipeline=pipeline,
        settings=stream,
        observer=observer,
        status=status,
    )


async def run_worker(worker: Worker, stop: asyncio.Event, stream: StreamSettings) -> None:
    """Run a worker under a watchdog.

    Raises:
        WeirError: what made it stop before it was told to.
    """
    # a client library may keep a step from being cancelled: the watchdog needs nobody's consent
    hung = partial(worker.status.longer_than, stream.stall_timeout_s + _GRACE_S)
    async with Watchdog(stall_timeout=stream.stall_timeout_s, hung=hung) as watchdog:
        ending = asyncio.create_task(_arm(watchdog, stop, stream.shutdown_timeout_s + _GRACE_S))
        try:
            await worker.run(stop)
        finally:
            ending.cancel()


async def _run_one(pipeline: Pipeline, stream: StreamSettings, index: int, telemetry: Telemetry) -> None:
    stop = stop_on_signals()
    counters = Counters()
    status = Status()
    observer = Observers((counters, telemetry.stream(subject_of(stream))))
    worker = build_worker(pipeline, stream, observer, status)
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    gc.set_threshold(50_000, 20, 20)
    with ExitStack() as stack:
        if stream.health is not None:
            health = stream.health
            port = health.port + index if health.port else 0
            server = HealthServer(health.host, port, alive=list, ready=status.problems)
            stack.enter_context(server)
            _LOG.info("health on http://%s:%d/readyz", health.host, server.port)
        _LOG.info("scoring %s with %s", stream.source.stream, pipeline.manifest.reference)
        try:
            await run_worker(worker, stop, stream)
        finally:
            # what waits to be sent may take what the stop has left of its time
            telemetry.end_by(worker.end_by)
            _end_soon(telemetry.seconds_left)
    _LOG.info("stopped after %d events: %d predictions, %d dead letters", *_totals(counters))


def _end_soon(seconds: float) -> None:
    """End the process a little later, should what a client library left behind keep it from ending by itself.

    Args:
        seconds: that it may take before that.
    """
    timer = threading.Timer(seconds + _GRACE_S, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    sys.stderr.write("error: a client library keeps the process from ending; ending it\n")
    sys.stderr.flush()
    os._exit(EXIT_STALLED)


async def _run_processes(config: Path, workers: int, stream: StreamSettings) -> int:
    base = [sys.executable, "-m", "weir", "worker", "--config", str(config)]
    commands = [[*base, "--index", str(index)] for index in range(workers)]
    return await supervise(commands, stop_on_signals(), shutdown_timeout=stream.shutdown_timeout_s + 2 * _GRACE_S)


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _arm(watchdog: Watchdog, stop: asyncio.Event, seconds: float) -> None:
    await stop.wait()
    watchdog.end_within(seconds)


def stream_settings(settings: Settings, config: Path) -> StreamSettings:
    """Return the settings of the stream.

    Raises:
        ConfigurationError: the file has none.
    """
    if settings.stream is None:
        raise ConfigurationError(f"{config}: stream is missing: it needs a source, a sink and dead_letters")
    return settings.stream


def load_deployment(settings: Settings, stream: StreamSettings) -> Pipeline:
    """Return the pipeline over the deployed model.

    Raises:
        ConfigurationError: several are deployed; each event of a stream is scored once.
        WeirError: the model is not there or must not be served.
    """
    if len(settings.deployments) > 1:
        names = ", ".join(deployment.name for deployment in settings.deployments)
        raise ConfigurationError(f"deployments: a worker serves one, not {names}; give each a worker of its own")
    deployment = settings.deployments[0]
    return load_pipeline(
        LocalStore(settings.store),
        deployment.reference,
        allow_uncertified=deployment.allow_uncertified,
        providers=deployment.providers,
        max_event_bytes=stream.max_event_bytes,
    )


def _totals(counters: Counters) -> tuple[int, int, int]:
    return counters.events, counters.predicted, sum(counters.rejected.values())
