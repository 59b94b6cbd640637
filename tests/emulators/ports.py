"""Loopback ports to listen on."""

import random
import socket

__all__ = ["HOST", "listen"]

HOST = "127.0.0.1"
# Below the range from which clients are given their own ports, or one could sit on the port of a server that is down.
_PORTS = range(20_000, 32_000)
_ATTEMPTS = 100


def listen(port: int = 0) -> socket.socket:
    """Return a socket that is bound on the loopback interface, to a free port where `port` is 0.

    Raises:
        OSError: the port is taken; with 0, so were all that were tried.
    """
    if port:
        return _bound(port)
    for _ in range(_ATTEMPTS):
        try:
            # Tests that seed `random` must not choose the same ports.
            return _bound(random.SystemRandom().choice(_PORTS))
        except OSError:
            continue
    raise OSError(f"none of {_ATTEMPTS} ports between {_PORTS[0]} and {_PORTS[-1]} is free")


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound
