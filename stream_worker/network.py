"""Whether anybody listens at an address, and until when its certificate is good."""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime

__all__ = ["NETWORK_ERRORS", "network_in_words", "reach"]

NETWORK_ERRORS = (OSError, UnicodeError)
"""What connecting raises; UnicodeError is a host whose name cannot be one."""

_CLOSE_S = 1.0


async def reach(host: str, port: int, context: ssl.SSLContext | None = None) -> datetime | None:
    """Connect, say nothing, and return until when the certificate is good; None without encryption.

    Args:
        host: its name or address.
        port: where it listens.
        context: what is trusted, where the connection is to be encrypted.

    Raises:
        OSError: nobody answers, or the certificate is not trusted.
        UnicodeError: this cannot be the name of a host.
    """
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.close()
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(_CLOSE_S):
                await writer.wait_closed()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC) if certificate else None


def network_in_words(error: OSError | UnicodeError, host: str) -> str:
    """Return what stood in the way of a connection."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"there is no host {host!r}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as we do: {error.reason}"
    return os.strerror(error.errno) if error.errno else str(error) or "it closed the connection"
