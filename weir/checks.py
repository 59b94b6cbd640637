"""What can be said of the models, the HTTP door and the ports of a configuration."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from function_app.auth import authenticator
from models import Deployment, LocalStore, load_pipeline
from scoring import Pipeline
from scoring.decode import MAX_EVENT_BYTES
from scoring.errors import StoreError, WeirError
from stream_worker.findings import Finding, note, ok, wrong
from weir.settings import Settings

__all__ = ["check_deployments", "check_http", "check_port"]

_LOAD_S: Final = 60.0
_AUTH_S: Final = 35.0
_LOG = logging.getLogger("models")


async def check_deployments(settings: Settings) -> AsyncIterator[Finding]:
    """Load every deployed model as a worker does."""
    for deployment in settings.deployments:
        for finding in await _check_model(deployment, settings):
            yield finding
    if len(settings.deployments) > 1:
        shares = (f"{each.name} {each.traffic} %{_mirrored(each)}" for each in settings.deployments)
        yield ok("deployments, traffic", ", ".join(shares))
        if settings.stream is not None:
            yield note("deployments", "a worker serves one of them: weir worker would not start with several")


async def _check_model(deployment: Deployment, settings: Settings) -> list[Finding]:
    what = f"deployment {deployment.name}"
    with _heard() as warnings:
        try:
            async with asyncio.timeout(_LOAD_S):
                pipeline = await asyncio.to_thread(_load, deployment, settings)
        except TimeoutError:
            return [wrong(what, f"{deployment.model} was not loaded within {_LOAD_S:g} s")]
        except WeirError as error:
            key = "store, deployments.model" if isinstance(error, StoreError) else "deployments.model"
            return [wrong(what, f"{error} ({key})")]
    manifest = pipeline.manifest
    told = f"{deployment.model} is {manifest.reference}" if deployment.model != manifest.reference else deployment.model
    is_certified = manifest.certificate is not None and manifest.certificate.passed
    words = f"{told}; its digest and its graph are right"
    uncertified = f"{words}; it has no passed certificate (deployments.allow_uncertified)"
    found = ok(what, f"{words}; it is certified") if is_certified else note(what, uncertified)
    return [found, *(note(what, warning) for warning in warnings)]


def _load(deployment: Deployment, settings: Settings) -> Pipeline:
    most = MAX_EVENT_BYTES if settings.stream is None else settings.stream.max_event_bytes
    return load_pipeline(
        LocalStore(settings.store),
        deployment.reference,
        allow_uncertified=deployment.allow_uncertified,
        providers=deployment.providers,
        max_event_bytes=most,
    )


def _mirrored(deployment: Deployment) -> str:
    return f" and {deployment.mirror} % mirrored" if deployment.mirror else ""


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Give what loading a model warns of."""
    ear = _Ear()
    _LOG.addHandler(ear)
    try:
        yield ear.heard
    finally:
        _LOG.removeHandler(ear)


async def check_http(settings: Settings) -> AsyncIterator[Finding]:
    """See that somebody could be let in, and that the port is free."""
    auth = settings.http.auth
    try:
        async with asyncio.timeout(_AUTH_S), authenticator(auth) as who:
            why_not = who.why_not_ready
    except (WeirError, TimeoutError) as error:
        why_not = str(error) or f"no answer within {_AUTH_S:g} s"
    if not why_not:
        yield ok(
            "http, auth", f"mode {auth.mode}: " + ("anybody may ask" if auth.mode == "none" else "the keys are there")
        )
    elif settings.stream is not None and auth == type(auth)():
        yield note("http, auth", f"weir serve would not start: {why_not}")  # a worker's file says nothing of HTTP
    else:
        yield wrong("http, auth", f"mode {auth.mode}: {why_not} (http.auth)")
    for finding in check_port("http, port", settings.http.host, settings.http.port, "http.port"):
        yield finding


def check_port(what: str, host: str, port: int, key: str) -> list[Finding]:
    """Return whether a port is free to listen on, without listening on it; nothing of port 0, which is any.

    Args:
        what: the finding's.
        host: the address.
        port: the port.
        key: the key to change.
    """
    if port == 0:
        return []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind((host, port))
    except OSError as error:
        return [
            note(what, f"{host}:{port} cannot be listened on now: {error.strerror}; is it running already? ({key})")
        ]
    return [ok(what, f"{host}:{port} is free")]
