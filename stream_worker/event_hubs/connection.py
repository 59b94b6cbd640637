"""What every Event Hubs connection of ours has in common: sign-in, bounds, and errors in words."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.eventhub._pyamqp.error import AuthenticationException
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError
from azure.identity.aio import DefaultAzureCredential

from stream_worker.event_hubs.settings import EventHubsConnection

__all__ = ["FAILURES", "client_options", "close", "in_words", "is_missing", "is_sign_in"]

FAILURES = (EventHubError, AzureError, TimeoutError, OSError, ValueError)
"""What the clients raise when the service, or what we told it, is at fault; ValueError is a key that is not base64."""

_LOG = logging.getLogger(__name__)
_CLOSE_S = 5.0
_RETRIES: dict[str, Any] = {"retry_total": 3, "retry_backoff_factor": 0.2, "retry_backoff_max": 4}

_MISSING = ("Error: not-found", "Status code: 404", "amqp:not-found")


def client_options(
    connection: EventHubsConnection, hub: str, credential: DefaultAzureCredential | None
) -> dict[str, Any]:
    """Return the keyword arguments that the consumer's and the producer's constructors share.

    Args:
        connection: a connection string, or a namespace.
        hub: the event hub.
        credential: the machine's identity, where there is no connection string.
    """
    if connection.connection_string is None:
        return {
            "fully_qualified_namespace": str(connection.namespace),
            "eventhub_name": hub,
            "credential": credential,
            **_RETRIES,
        }
    # the clients have no public way from a string to arguments, and their own constructors from one differ
    text = connection.connection_string.get_secret_value()
    parsed: dict[str, Any] = EventHubProducerClient._from_connection_string(text, eventhub_name=hub)  # noqa: SLF001
    return {**parsed, **_RETRIES}


def in_words(error: BaseException) -> str:
    """Return what went wrong, without the client library's internals and without secrets."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if "Credential failed to retrieve a token" in str(error):
        return "no token from this machine's identity; give it one, sign in with az login, or set a connection_string"
    if is_sign_in(error):
        advice = "check the key, or the identity's rights, and this machine's clock"
        return f"the sign-in was refused; {advice}: {_first(error)}"
    return _first(error)


def is_missing(error: BaseException) -> bool:
    """Return whether the service says that there is no such hub or consumer group."""
    return any(sign in str(error) for sign in _MISSING)


def is_sign_in(error: BaseException) -> bool:
    """Return whether a key or an identity was refused."""
    if isinstance(error, HttpResponseError) and error.status_code in {401, 403}:
        return True
    return isinstance(error, AuthenticationError | AuthenticationException | ClientAuthenticationError)


async def close(what: Awaitable[object], name: str) -> None:
    """Close a client inside a bound; with the service gone it might otherwise never return."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await what
    except FAILURES as error:
        _LOG.warning("%s did not close: %s", name, in_words(error))


def _first(error: BaseException) -> str:
    """Return what the service says, where it says something, else the first line of an error's text."""
    text = str(error).strip()
    told = text.rpartition("Description: ")[2] if "Description: " in text else text
    return told.partition(" TrackingId:")[0].splitlines()[0].removesuffix(".") if told else type(error).__name__
