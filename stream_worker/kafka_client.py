"""What every Kafka connection of ours has in common: addresses, sign-in, encryption, and errors in words."""

import asyncio
import logging
import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from scoring.errors import ConfigurationError
from stream_worker.settings import KafkaConnection, Tls

__all__ = ["connection_options", "in_words", "stop_client"]

_LOG = logging.getLogger(__name__)
_STOP_S = 5.0

_METADATA_MAX_AGE_MS = 30_000  # a moved partition or a new broker is noticed within this


def connection_options(connection: KafkaConnection) -> dict[str, Any]:
    """Return the keyword arguments that aiokafka's consumer and producer share.

    Raises:
        ConfigurationError: a certificate cannot be loaded.
    """
    protocol = "SASL_" if connection.sasl is not None else ""
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in str(connection.bootstrap_servers).split(",")],
        "client_id": "weir",
        "metadata_max_age_ms": _METADATA_MAX_AGE_MS,
        "security_protocol": protocol + ("SSL" if connection.tls is not None else "PLAINTEXT"),
        "ssl_context": None if connection.tls is None else _ssl_context(connection.tls),
    }
    if connection.sasl is not None:
        options |= {
            "sasl_mechanism": connection.sasl.mechanism,
            "sasl_plain_username": connection.sasl.username,
            "sasl_plain_password": connection.sasl.password.get_secret_value(),
        }
    return options


def in_words(error: Exception) -> str:
    """Return what went wrong, without the client library's internals."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, KafkaError):
        return str(error).removeprefix("KafkaConnectionError: ") or type(error).__name__
    return f"{type(error).__name__}: {error}"


async def stop_client(client: AIOKafkaConsumer | AIOKafkaProducer, name: str) -> None:
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
