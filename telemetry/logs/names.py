"""Which names say that what they name is a secret: fields, headers, parts of a connection string, variables."""

import re
from itertools import pairwise
from typing import Final

__all__ = ["names_a_secret", "variable_names_a_secret"]

_ENDINGS: Final = (
    "authorization", "connectionstring", "cookie", "credential", "credentials", "cvc", "cvv", "key", "passphrase",
    "passwd", "password", "pwd", "secret", "sig", "signature", "token",
)  # fmt: skip
_SEGMENTS: Final = frozenset({
    "accesskey", "accountkey", "apikey", "connectionstring", "credential", "credentials", "key", "keys", "passphrase",
    "passwd", "password", "sas", "secret", "secrets", "token", "tokens",
})  # fmt: skip
_HARMLESS: Final = frozenset({
    "algorithm", "count", "dir", "endpoint", "expiry", "file", "id", "mode", "name", "path", "seconds", "size", "ttl",
    "type", "uri", "url", "vault", "version",
})  # fmt: skip
_EXACT: Final = frozenset({"IDENTITY_HEADER"})  # what a managed identity's endpoint is asked with
_NOT: Final = frozenset({"AZURE_TOKEN_CREDENTIALS"})  # which way to sign in, not with what
_SEGMENT: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def names_a_secret(name: str) -> bool:
    """Return whether a field, a header or a part of a connection string of this name holds a secret."""
    letters = "".join(letter for letter in name.lower() if letter.isalpha())
    return letters.endswith(_ENDINGS)


def variable_names_a_secret(name: str) -> bool:
    """Return whether a variable of the environment of this name holds a secret, and not where one is kept."""
    if name in _NOT:
        return False
    segments = [segment.lower() for segment in _SEGMENT.findall(name)]
    pairs = (first + second for first, second in pairwise(segments))
    is_named = not _SEGMENTS.isdisjoint(segments) or "connectionstring" in pairs
    return name in _EXACT or (is_named and segments[-1] not in _HARMLESS)
