"""What can be said of a configuration's telemetry: where it goes, whether anybody is there, and what is collected."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from models import LocalStore, resolve
from scoring import Manifest
from scoring.errors import ConfigurationError, WeirError
from stream_worker.findings import Finding, note, ok, wrong
from stream_worker.network import NETWORK_ERRORS, network_in_words, reach
from telemetry.collection import CollectionSettings, refuse_unknown_names, refuse_what_cannot_begin
from telemetry.collection.settings import blob_place
from telemetry.destinations import AZURE_MONITOR, Destination, destinations, is_named
from weir.settings import Settings

__all__ = ["check_telemetry"]

_REACH_S: Final = 5.0
_MAKE_S: Final = 30.0  # Azure's clients take a while to import
_CERTIFICATE: Final = "OTEL_EXPORTER_OTLP_CERTIFICATE"


async def check_telemetry(settings: Settings) -> AsyncIterator[Finding]:
    """See that telemetry would begin, and that somebody listens where it goes; nothing is sent."""
    if not is_named(os.environ):
        yield note("telemetry", "no backend is named, or OTEL_SDK_DISABLED is true: no spans and no figures are sent")
    else:
        try:
            await asyncio.wait_for(asyncio.to_thread(_make_exporters, settings), _MAKE_S)
        except ConfigurationError as error:
            yield wrong("telemetry", str(error))
        else:
            for destination in destinations(os.environ):
                yield await _check_destination(destination)
    if settings.telemetry.collection is not None:
        checking = asyncio.to_thread(_check_collection, settings.telemetry.collection, settings)
        yield await asyncio.wait_for(checking, _MAKE_S)


def _make_exporters(settings: Settings) -> None:
    from telemetry.otel.exporters import refuse_what_cannot_be_made  # noqa: PLC0415 - only where there is a backend

    refuse_what_cannot_be_made(settings.telemetry, os.environ)


async def _check_destination(destination: Destination) -> Finding:
    variable, url = destination
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in {"http", "https"} or not host:
        return wrong("telemetry, backend", f"{url} is no address; expected http://host:port ({variable})")
    what = f"telemetry, backend {parts.scheme}://{host}{'' if port is None else f':{port}'}"
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return note(what, f"is asked through a proxy, and was not connected to ({variable})")
    is_secure = parts.scheme == "https"
    try:
        async with asyncio.timeout(_REACH_S):
            await reach(host, port or (443 if is_secure else 80), _context(variable) if is_secure else None)
    except NETWORK_ERRORS as error:
        words = network_in_words(error, host)
        return note(what, f"{words}: events are scored all the same, and what is told of them gets lost ({variable})")
    return ok(what, "answers")


def _context(variable: str) -> ssl.SSLContext:
    trusted = None if variable == AZURE_MONITOR else os.environ.get(_CERTIFICATE)
    return ssl.create_default_context(cafile=trusted or None)


def _check_collection(collection: CollectionSettings, settings: Settings) -> Finding:
    what = "telemetry, collection"
    try:
        refuse_what_cannot_begin(collection)
        manifests = _manifests(settings)
        if manifests:
            refuse_unknown_names(collection, manifests)
    except ConfigurationError as error:
        return wrong(what, str(error))
    told = f"{collection.share:.4g} of the predictions go to {collection.to}"
    if blob_place(collection.to) is not None:
        return note(what, f"{told}; whether we may write there, only writing could show (telemetry.collection.to)")
    why_not = _why_not_written(Path(collection.to))
    return ok(what, told) if why_not is None else wrong(what, f"{told}; {why_not} (telemetry.collection.to)")


def _manifests(settings: Settings) -> list[Manifest]:
    """Return those of the deployed models; none where one cannot be read, which is said of its deployment."""
    store = LocalStore(settings.store)
    try:
        references = [deployment.reference for deployment in settings.deployments]
        return [store.manifest(reference.name, resolve(store, reference)) for reference in references]
    except WeirError:
        return []


def _why_not_written(folder: Path) -> str | None:
    """Return why a folder, or what it will be made in, cannot be written; None where it can."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        return f"{existing} is no folder"
    return None if os.access(existing, os.W_OK | os.X_OK) else f"{existing} cannot be written by this user"
