"""How a model is called: `name`, `name:3` or `name@champion`."""

import re
from dataclasses import dataclass

from scoring.errors import ConfigurationError

__all__ = ["Reference", "is_name", "parse_reference"]

_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(:(?P<version>[1-9][0-9]{{0,8}})|@(?P<alias>{_NAME}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A model's name with at most one of a version and an alias; with neither, the newest version is meant."""

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}:{self.version}"
        return self.name if self.alias is None else f"{self.name}@{self.alias}"


def is_name(text: str) -> bool:
    """Return whether `text` may be the name of a model or an alias: never a path that leads elsewhere."""
    return re.fullmatch(_NAME, text) is not None


def parse_reference(text: str) -> Reference:
    """Return the reference that `text` spells.

    Raises:
        ConfigurationError: it is none.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            f"model reference {text!r}: expected name, name:3 or name@champion, "
            "in lower-case letters, digits, dots, dashes and underscores"
        )
    version = match["version"]
    return Reference(name=match["name"], version=None if version is None else int(version), alias=match["alias"])
