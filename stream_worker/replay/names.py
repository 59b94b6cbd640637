"""Names for groups, and the order that people expect of names."""

import hashlib
import re

__all__ = ["Names", "natural"]

_DIGITS = re.compile(r"([0-9]+)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._=-]+")
_LONGEST = 120


def natural(text: str) -> list[str | int]:
    """Return what sorts texts with numbers in them by these numbers: 2 before 10."""
    return [int(part) if index % 2 else part for index, part in enumerate(_DIGITS.split(text))]


class Names:
    """Gives names that can be those of files, each once; two that differ in case only count as one."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, wanted: str) -> str:
        """Return a name like `wanted` that has not been given before."""
        safe = _UNSAFE.sub("-", wanted).strip(".-_") or "group"
        if len(safe) > _LONGEST:
            safe = f"{safe[: _LONGEST - 9]}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
        name, number = safe, 1
        while name.casefold() in self._given:
            number += 1
            name = f"{safe}-{number}"
        self._given.add(name.casefold())
        return name
