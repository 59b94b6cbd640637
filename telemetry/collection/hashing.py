"""Keyed hashes in place of sensitive values: equal values have equal ones, and only who has the key can try values."""

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec
from pydantic import SecretStr

__all__ = ["Hasher"]

_DIGEST_BYTES = 16


class Hasher:
    """Hashes values under one key."""

    def __init__(self, key: SecretStr | None) -> None:
        """Take the key.

        Args:
            key: of 64 bytes at most; None where nothing will be hashed.
        """
        secret = b"" if key is None else key.get_secret_value().encode()
        self._hash = partial(blake2b, digest_size=_DIGEST_BYTES, key=secret)

    def __call__(self, values: Iterable[Any]) -> list[str | None]:
        """Return the 128-bit BLAKE2b, in hex, of each value's JSON text; of a null, None."""
        return [None if value is None else self._hash(msgspec.json.encode(value)).hexdigest() for value in values]
