"""What checking a configuration finds: a mark, what was looked at, and words."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Mark", "counted", "guarded", "note", "ok", "variable", "wrong"]

_LONGEST_SAID = 200

Mark = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        mark: `ok`, `wrong`, or `note` for what may well be as it should.
        what: what was looked at, such as `source, topic transactions`.
        words: what was found; of what is wrong, also the key to change. Never a secret.
    """

    mark: Mark
    what: str
    words: str


def ok(what: str, words: str) -> Finding:
    """Return a finding that all is well."""
    return Finding("ok", what, words)


def note(what: str, words: str) -> Finding:
    """Return a finding that somebody may want to know of."""
    return Finding("note", what, words)


def wrong(what: str, words: str) -> Finding:
    """Return a finding that the worker, or the service, would fail on, or do only a part of its work with."""
    return Finding("wrong", what, words)


def variable(key: str) -> str:
    """Return the variable of the environment that sets a key, for those that no file may hold."""
    return f"WEIR__{key.upper().replace('.', '__')}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 partition`, `4 partitions`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


async def guarded(what: str, findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """Yield findings, and one more where looking for them fails in a way that nobody thought of: others go on."""
    try:
        async for finding in findings:
            yield finding
    except Exception as error:  # noqa: BLE001 - see above
        said = " ".join(str(error).split())[:_LONGEST_SAID]
        yield wrong(what, f"could not be looked at to the end: {type(error).__name__}: {said}")
