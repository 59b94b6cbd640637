"""Whether what was printed is what a document says, numbers aside.

A number, a date, a port or a hash matches any other, for they differ from run to run; a digit that stands alone means
itself, for `0 lost` is a promise. Runs of blanks match any other, for columns are as wide as their numbers. A line of
`...` matches any lines, none among them.
"""

import re
from collections.abc import Sequence

__all__ = ["matches"]

_VARYING = re.compile(r"\b[0-9a-f]{12,}\b|\b0x[0-9a-f]+|\d(?:[\d.,:+TZe-]*\d)Z?")
_RULES = re.compile("[━─]+")
_ANY = "..."


def matches(expected: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether the printed lines are the expected ones."""
    return _match([_plain(line) for line in expected], [_plain(line) for line in printed])


def _match(expected: list[str], printed: list[str]) -> bool:
    if not expected:
        return not printed
    if expected[0] == _ANY:
        return any(_match(expected[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return bool(printed) and expected[0] == printed[0] and _match(expected[1:], printed[1:])


def _plain(line: str) -> str:
    return " ".join(_RULES.sub("─", _VARYING.sub("#", line)).split())
