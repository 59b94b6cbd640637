"""Which secrets a program was given: by its settings, and by the environment."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from pydantic import BaseModel, SecretBytes, SecretStr

from telemetry.logs.names import names_a_secret, variable_names_a_secret

__all__ = ["secrets_in"]

_SHORTEST: Final = 6  # of what is only guessed to be secret
_DEEPEST: Final = 32
_PART: Final = re.compile(r"[;&?]")
_HEADERS: Final = re.compile(r"OTEL_EXPORTER_OTLP_(\w+_)?HEADERS")
_USER: Final = re.compile(r"://[^\s/?#:@]*:(?P<password>[^\s/?#]+)@")


def secrets_in(settings: BaseModel | None, environ: Mapping[str, str]) -> frozenset[str]:
    """Return all that must never be shown.

    Args:
        settings: every SecretStr and SecretBytes in them counts, however deep; None where they are not read yet.
        environ: variables whose names say so count, those that hold a connection string with a key, and the headers
            that an OTLP exporter sends.

    Returns:
        The secrets whole, and of connection strings, SAS tokens and addresses with a password the secret parts alone.
    """
    found = {secret for secret in _secrets(settings, 0) if secret}
    named = {value for name, value in environ.items() if variable_names_a_secret(name) and len(value) >= _SHORTEST}
    parts = {part for text in (*found, *environ.values()) for part in _parts(text)}
    headers = {part for name, value in environ.items() if _HEADERS.fullmatch(name) for part in _of_headers(value)}
    return frozenset(found | named | parts | headers)


def _secrets(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    else:
        for inner in _inside(value):
            yield from _secrets(inner, depth + 1)


def _of_headers(text: str) -> Iterator[str]:
    """Yield the values of `name=value,name=value`; of what has no such form, all of it."""
    for part in text.split(","):
        value = (part.partition("=")[2] or part).strip()
        if len(value) >= _SHORTEST:
            yield value


def _inside(value: Any) -> list[Any]:
    if isinstance(value, BaseModel):
        return [inner for _, inner in value]
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    return list(value) if isinstance(value, list | tuple | AbstractSet) else []


def _parts(text: str) -> Iterator[str]:
    """Yield the secret parts of `Endpoint=...;SharedAccessKey=...`, `sr=...&sig=...` and `//user:password@host`."""
    for part in _PART.split(text):
        name, _, value = part.partition("=")
        if names_a_secret(name) and len(value) >= _SHORTEST:
            yield value
    for match in _USER.finditer(text):
        if len(match["password"]) >= _SHORTEST:
            yield match["password"]
