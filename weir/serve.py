"""`weir serve`: answer over HTTP until told to stop."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from function_app.asgi import Application
from function_app.auth import authenticator
from function_app.handler import Handler
from function_app.server import Server, listen
from function_app.service import Service
from function_app.serving import Models
from function_app.startup import keep_current
from models import Deployment, LocalStore
from stream_worker.processes import supervise
from telemetry.setup import Telemetry
from weir.logs import begin_log
from weir.settings import Settings, load_settings
from weir.worker import stop_on_signals

__all__ = ["command"]

_LOG = logging.getLogger(__name__)
_GRACE_S = 10.0


def command(
    config: Annotated[Path, typer.Option(help="The configuration file.")] = Path("weir.yaml"),
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; they share the port.")] = 1,
    shared: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve the deployed models over HTTP.

    Open http://127.0.0.1:8080/docs to try them. Stops cleanly on Ctrl-C or SIGTERM: what was asked is answered first.

    Example: weir serve --config weir.yaml --workers 2
    """
    settings = load_settings(config)
    redactor = begin_log(settings)
    if workers > 1:
        raise typer.Exit(uvloop.run(_run_processes(config, workers, settings)))
    with Telemetry(settings.telemetry, os.environ, redactor) as telemetry:
        uvloop.run(_serve(settings, lambda: load_settings(config).deployments, telemetry, shared=shared))


async def _serve(
    settings: Settings, deployments: Callable[[], Sequence[Deployment]], telemetry: Telemetry, *, shared: bool
) -> None:
    http = settings.http
    listening = listen(http, shared=shared)
    models = Models(LocalStore(settings.store), settings.deployments, http, telemetry.rows("http"), telemetry.check)
    requests = telemetry.requests()
    with listening:
        await models.load()
        async with authenticator(http.auth) as who:
            application = Application(Handler(Service(models, http, requests), who, requests), http.limits)
            reloading = asyncio.create_task(keep_current(models, http.reload_s, deployments))
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked at again
            gc.set_threshold(50_000, 20, 20)
            host, port = listening.getsockname()[:2]
            _LOG.info("serving %s on http://%s:%d/docs", ", ".join(models.names()), host, port)
            server = Server(application, http)
            try:
                await server.serve(sockets=[listening])
            finally:
                telemetry.end_by(server.end_by)
                reloading.cancel()
                with suppress(asyncio.CancelledError):
                    await reloading


async def _run_processes(config: Path, workers: int, settings: Settings) -> int:
    command = [sys.executable, "-m", "weir", "serve", "--config", str(config), "--shared"]
    return await supervise(
        [command] * workers, stop_on_signals(), shutdown_timeout=settings.http.shutdown_timeout_s + _GRACE_S
    )
