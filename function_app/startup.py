"""How the handler behind Azure Functions comes up: once, in the background, and again after a failure.

Rules:
- One attempt at a time, however many requests wait for it; after a failed one the next waits a moment.
- Until it has come up, requests are told why not, in words; probes are told at once.
- Nothing is shared between event loops.
"""

import asyncio
import atexit
import logging
import os
from asyncio import AbstractEventLoop, Task
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from function_app.auth import authenticator
from function_app.handler import Handler
from function_app.http import Request, Response
from function_app.problems import ProblemError, problem_response
from function_app.service import Service
from function_app.serving import Models
from function_app.settings import AuthSettings, HttpSettings
from models import Deployment, LocalStore
from models.configuration import FileSettings, read_settings
from scoring.errors import ConfigurationError, WeirError
from telemetry.logs import Redactor, guard_handlers, quiet_libraries, release_handlers, secrets_in
from telemetry.settings import TelemetrySettings
from telemetry.setup import Telemetry

__all__ = ["FunctionSettings", "Startup", "auth_level", "current", "keep_current", "warm_up"]

_LOG = logging.getLogger(__name__)
_ROOT: Final = Path(__file__).parents[1]
_PATIENCE_S: Final = 60.0  # that a request waits for the models; the platform's own bound is 230
_AGAIN_S: Final = 1.0  # between a failed attempt and the next
_PROBES: Final = ("/health", "/ping", "/readyz", "/v2/health/")  # how their paths begin
_LEVELS: Final = ("anonymous", "function", "admin")

_by_loop: dict[AbstractEventLoop, "Startup"] = {}  # a worker has one


class FunctionSettings(FileSettings):
    """What the function app needs of `weir.yaml`."""

    elsewhere: ClassVar[tuple[str, ...]] = ("stream",)

    http: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


class _Door(NamedTuple):
    handler: Handler
    models: Models
    settings: HttpSettings


class Startup:
    """Brings the handler up, and answers through it."""

    def __init__(self, path: Path) -> None:
        """Set it up; nothing is read before `begin`.

        Args:
            path: the configuration file; a store with a relative path is beside it.
        """
        self._path = path
        self._door: _Door | None = None
        self._attempt: Task[None] | None = None
        self._keeping: Task[None] | None = None
        self._again_at = 0.0
        self._why_not_ready = "the service is starting"
        self._redactor = Redactor(())
        self._open = AsyncExitStack()

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request, once the models are there to give it."""
        self.begin()
        if self._attempt is not None and not request.path.startswith(_PROBES):
            await asyncio.wait([self._attempt], timeout=_PATIENCE_S)
        if self._door is None:
            return problem_response(ProblemError(503, self._why_not_ready, headers={"Retry-After": "1"}))
        return await self._door.handler.handle(request)

    def begin(self) -> None:
        """Start an attempt, unless one is under way, has succeeded, or has failed a moment ago."""
        loop = asyncio.get_running_loop()
        is_under_way = self._attempt is not None and not self._attempt.done()
        if not is_under_way and self._keeping is None and loop.time() >= self._again_at:
            self._attempt = loop.create_task(self._come_up())

    async def close(self) -> None:
        """End what runs in the background."""
        for task in (self._attempt, self._keeping):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self._open.aclose()

    async def _come_up(self) -> None:
        try:
            door = self._door = self._door or await self._build()
            await door.models.load()
        except WeirError as error:
            self._failed(str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the next attempt may meet better times
            _LOG.exception("starting failed")
            self._failed("the service could not start; its log says why")
        else:
            _LOG.info("serving %s", ", ".join(door.models.names()))
            self._keeping = asyncio.create_task(keep_current(door.models, door.settings.reload_s, self._deployments))

    def _deployments(self) -> Sequence[Deployment]:
        return read_settings(FunctionSettings, self._path).deployments

    async def _build(self) -> _Door:
        self._guard(None)
        settings = await asyncio.to_thread(read_settings, FunctionSettings, self._path)
        _check_open(settings.http.auth)
        who = await self._open.enter_async_context(authenticator(settings.http.auth))
        redactor = self._guard(settings)
        telemetry = self._open.enter_context(Telemetry(settings.telemetry, os.environ, redactor))
        atexit.register(telemetry.close)  # the worker says nothing when it ends
        store = LocalStore(self._path.parent / settings.store)
        models = Models(store, settings.deployments, settings.http, telemetry.rows("http"), telemetry.check)
        requests = telemetry.requests()
        handler = Handler(Service(models, settings.http, requests), who, requests)
        return _Door(handler, models, settings.http)

    def _guard(self, settings: FunctionSettings | None) -> Redactor:
        """Keep secrets out of the host's log from now on, and return what takes them out of any text."""
        redactor = self._redactor = Redactor(secrets_in(settings, os.environ))
        guard_handlers(redactor)
        quiet_libraries()
        self._open.callback(release_handlers)
        return redactor

    def _failed(self, why: str) -> None:
        why = self._redactor.text(why)
        if why != self._why_not_ready:
            _LOG.error("not ready: %s", why)
        self._why_not_ready = why
        self._again_at = asyncio.get_running_loop().time() + _AGAIN_S


async def keep_current(models: Models, seconds: float, read: Callable[[], Sequence[Deployment]] | None = None) -> None:
    """Look again and again at what is deployed and what the references mean, and serve that by then.

    What cannot be read or loaded leaves in place what is served; its reason is logged once.

    Args:
        models: what is served.
        seconds: between one look and the next.
        read: reads the deployments again, so that traffic can be shifted without a restart; called in a thread.
    """
    known = ""
    while True:
        await asyncio.sleep(seconds)
        try:
            await (models.load() if read is None else models.load(await asyncio.to_thread(read)))
        except Exception as error:  # noqa: BLE001 - a model that breaks in a new way must not end the looking
            why = str(error) if isinstance(error, WeirError) else repr(error)
            if why != known:
                _LOG.error("a deployment could not be brought up to date: %s", why)
        else:
            why = ""
        known = why


def current() -> Startup:
    """Return what answers in the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = Startup(_ROOT / os.environ.get("WEIR_CONFIG", "weir.yaml"))
    return _by_loop[loop]


def warm_up() -> None:
    """Load the models in the background, under the Functions runtime; anywhere else the first request begins it."""
    if "FUNCTIONS_WORKER_RUNTIME" not in os.environ:
        return
    try:
        startup = current()
    except RuntimeError:  # no event loop runs while this is imported: the first request begins it
        return
    startup.begin()


def auth_level() -> str:
    """Return who the Functions host lets through to the routes that are not open to everybody.

    Raises:
        ConfigurationError: it is none of the host's levels.
    """
    level = os.environ.get("WEIR_FUNCTIONS_AUTH_LEVEL", "anonymous").lower()
    if level not in _LEVELS:
        raise ConfigurationError(f"WEIR_FUNCTIONS_AUTH_LEVEL is {level!r}: expected {', '.join(_LEVELS)}")
    return level


def _check_open(auth: AuthSettings) -> None:
    """Refuse to be open by oversight: the settings' own check looks at an address that a function app does not have."""
    if auth.mode == "none" and not auth.allow_anonymous:
        raise ConfigurationError(
            "http.auth.mode none: anybody who reaches the function app could ask; choose key or entra, "
            "or set http.auth.allow_anonymous"
        )
