"""What every Kafka connection of ours has in common: addresses, sign-in, encryption, and errors in words."""

import asyncio
import logging
import os
import socket
import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.metadata import MetadataRequest

from scoring.errors import ConfigurationError
from stream_worker.kafka.settings import LARGEST_EVENT_HUBS_REQUEST, KafkaConnection, Tls
from stream_worker.kafka.tokens import IdentityTokens, TokenError

__all__ = ["Access", "connection_options", "in_words"]

_LOG = logging.getLogger(__name__)
_STOP_S = 5.0
_DIAL_S = 5.0  # for each of several servers

_METADATA_MAX_AGE_MS = 30_000  # a moved partition or a new broker is noticed within this
# Kafka's own bound on a request; the topic's `max.message.bytes` is the one that counts
_LARGEST_REQUEST = 104_857_600
# What Microsoft asks of clients, by "Apache Kafka client configurations for Azure Event Hubs" of December 2025: Azure
# forgets connections that were idle for 240 s, and an idempotent producer needs a minute for its requests. Idempotent
# producers are supported. Of transactions that page says that they are not, another that Premium has a preview.
_EVENT_HUBS: dict[str, Any] = {
    "metadata_max_age_ms": 180_000,
    "connections_max_idle_ms": 180_000,
    "request_timeout_ms": 60_000,
}
# of the options, those that concern a single connection
_DIALLED = (
    "client_id",
    "security_protocol",
    "ssl_context",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
    "sasl_oauth_token_provider",
)


_CLOSED = "closed the connection; does it ask for tls, or for a sign-in?"


class _ObstacleError(Exception):
    """Why a server cannot be asked anything."""


class Access:
    """The way into one cluster: what its clients are made with, how they end, and in words why they do not get in.

    Attributes:
        options: the keyword arguments that aiokafka's consumer and producer share.
        largest_request: the most bytes that the cluster takes at once.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        """Set it up without connecting.

        Raises:
            ConfigurationError: a certificate cannot be loaded.
        """
        self.options = connection_options(connection)
        self.largest_request = _LARGEST_REQUEST if connection.flavour is None else LARGEST_EVENT_HUBS_REQUEST
        self._tokens: IdentityTokens | None = self.options.get("sasl_oauth_token_provider")

    def in_words(self, error: Exception) -> str:
        """Return what went wrong, and that it may be for lack of a token."""
        words = in_words(error)
        return words if self._tokens is None or self._tokens.problem is None else f"{words}; {self._tokens.problem}"

    async def obstacle(self, topic: str, *, key: str) -> str | None:
        """Try the way in, and return what stands in it; None when one server answers, whether it has the topic or not.

        The clients' own errors say only that they could not connect.

        Args:
            topic: what is to be read or written.
            key: where the settings name it.
        """
        hosts = collect_hosts(self.options["bootstrap_servers"], randomize=False)
        found: list[str] = []
        for host, port, _ in hosts:
            try:
                async with asyncio.timeout(_DIAL_S if len(hosts) > 1 else None):
                    hides = await _dial(self.options, host, port, topic)
            except TimeoutError as error:
                found.append(f"does not answer: {in_words(error)}")
            except _ObstacleError as error:
                found.append(str(error))
            else:
                return f"does not let us see topic {topic!r} ({key})" if hides else None
        return found[0]

    async def stop(self, client: AIOKafkaConsumer | AIOKafkaProducer, name: str) -> None:
        """Stop a client, and then the identity that it signed in with; a new client opens that again."""
        try:
            await _stop(client, name)
        finally:
            if self._tokens is not None:
                await self._tokens.close()


def connection_options(connection: KafkaConnection) -> dict[str, Any]:
    """Return the keyword arguments that aiokafka's consumer and producer share.

    Raises:
        ConfigurationError: a certificate cannot be loaded.
    """
    is_event_hubs = connection.flavour == "event_hubs"
    tls = (connection.tls or Tls()) if is_event_hubs else connection.tls
    signs_in = is_event_hubs or connection.sasl is not None
    return {
        "bootstrap_servers": [server.strip() for server in str(connection.bootstrap_servers).split(",")],
        "client_id": "weir",
        "metadata_max_age_ms": _METADATA_MAX_AGE_MS,
        "security_protocol": ("SASL_" if signs_in else "") + ("SSL" if tls is not None else "PLAINTEXT"),
        "ssl_context": None if tls is None else _ssl_context(tls),
        **(_EVENT_HUBS if is_event_hubs else {}),
        **_sign_in(connection),
    }


def _sign_in(connection: KafkaConnection) -> dict[str, Any]:
    if connection.connection_string is not None:
        return _plain("PLAIN", "$ConnectionString", connection.connection_string.get_secret_value())
    if connection.flavour == "event_hubs":
        host = str(connection.bootstrap_servers).rpartition(":")[0]
        return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": IdentityTokens(host)}
    if connection.sasl is not None:
        sasl = connection.sasl
        return _plain(sasl.mechanism, sasl.username, sasl.password.get_secret_value())
    return {}


def _plain(mechanism: str, username: str, password: str) -> dict[str, Any]:
    return {"sasl_mechanism": mechanism, "sasl_plain_username": username, "sasl_plain_password": password}


def in_words(error: Exception) -> str:
    """Return what went wrong, without the client library's internals."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, KafkaError):
        return str(error).removeprefix("KafkaConnectionError: ") or type(error).__name__
    return f"{type(error).__name__}: {error}"


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer, name: str) -> None:
    """Stop a client inside a bound; with the brokers gone it might otherwise never return."""
    try:
        async with asyncio.timeout(_STOP_S):
            await client.stop()
    except (TimeoutError, KafkaError):
        _LOG.warning("%s did not stop within %g s", name, _STOP_S)
    except asyncio.CancelledError:
        # aiokafka lets the cancellation of a task of its own escape; ours must pass
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise


async def _dial(options: dict[str, Any], host: str, port: int, topic: str) -> bool:
    """Connect once, and return whether the server hides the topic from us.

    Raises:
        _ObstacleError: it cannot even be asked.
        TimeoutError: no answer in time.
    """
    try:
        connection = await create_conn(host, port, **{key: options[key] for key in _DIALLED if key in options})
        try:
            metadata = await connection.send(MetadataRequest([topic], allow_auto_topic_creation=False))
        finally:
            await connection.close()
    except TokenError as error:
        raise _ObstacleError(f"cannot be signed in to: {error.args[0]}") from error
    except KafkaConnectionError as error:
        raise _ObstacleError(f"does not answer: it {_CLOSED}") from error
    except KafkaError as error:
        raise _ObstacleError(f"refuses the sign-in: {_refusal_in_words(error)}") from error
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:
        raise _ObstacleError(f"does not answer: {_network_in_words(error, host)}") from error
    if not metadata.brokers:
        # aiokafka does not look at what a broker has against a token, and goes on as if it were signed in
        raise _ObstacleError("refuses the sign-in: look at the token's lifetime, and at both clocks")
    return any(code == TopicAuthorizationFailedError.errno for code, *_ in metadata.topics)


def _refusal_in_words(error: KafkaError) -> str:
    said = next((part for part in error.args if isinstance(part, str)), "")
    return said or getattr(error, "description", type(error).__name__)


def _network_in_words(error: OSError | UnicodeError, host: str) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"there is no host {host!r}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted (tls.ca_file): {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as we do: {error.reason}"
    if isinstance(error, ConnectionResetError):
        return f"it {_CLOSED}"
    return os.strerror(error.errno) if error.errno else str(error)


def _ssl_context(tls: Tls) -> ssl.SSLContext:
    loading = tls.ca_file
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.certificate_file is not None:
            loading = tls.certificate_file
            context.load_cert_chain(tls.certificate_file, tls.key_file, password="")  # or OpenSSL asks the terminal
    except ssl.SSLError as error:
        expected = "certificates" if loading == tls.ca_file else f"a certificate that goes with {tls.key_file}"
        raise ConfigurationError(f"tls: cannot load {loading}: expected {expected}, in PEM form") from error
    except OSError as error:
        raise ConfigurationError(f"tls: cannot load {loading}: {error.strerror}") from error
    return context
