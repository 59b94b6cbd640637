"""What the path of a Capture file says: its namespace, its hub, its partition and its time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scoring.errors import ConfigurationError

__all__ = ["DEFAULT_PATTERN", "Pattern", "Placed"]

DEFAULT_PATTERN = "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"

_FIELD = re.compile(r"\{(\w*)\}")
_FORMS: Mapping[str, str] = {
    "Namespace": r"[^/]+?",
    "EventHub": r"[^/]+?",
    "PartitionId": r"\d{1,9}",
    "Year": r"\d{4}",
    "Month": r"\d{1,2}",
    "Day": r"\d{1,2}",
    "Hour": r"\d{1,2}",
    "Minute": r"\d{1,2}",
    "Second": r"\d{1,2}",
}
_TIMES = ("Year", "Month", "Day", "Hour", "Minute", "Second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What a path says.

    Attributes:
        namespace: None where the pattern does not name it.
        hub: likewise.
        partition: 0 where the pattern does not name it.
        time: year, month, day, hour, minute, second; 0 for those that are not named.
    """

    namespace: str | None
    hub: str | None
    partition: int
    time: tuple[int, ...]


class Pattern:
    """A path template, as it is set for an event hub's Capture.

    Attributes:
        text: as it was written.
    """

    def __init__(self, text: str | None) -> None:
        """Prepare to match.

        Args:
            text: with fields such as `{PartitionId}`, in any order and between any text; None or `default` is Azure's.

        Raises:
            ConfigurationError: it has no fields, or one that is unknown.
        """
        self.text = DEFAULT_PATTERN if text in (None, "default") else str(text)
        self._fields: set[str] = set()
        parts = _FIELD.split(self.text.strip("/"))
        expression = "".join(self._field(part) if index % 2 else re.escape(part) for index, part in enumerate(parts))
        if not self._fields:
            raise ConfigurationError(f"pattern {self.text!r}: expected fields such as {DEFAULT_PATTERN}")
        self._matched = re.compile(f"(?:.*/)?{expression}", re.DOTALL).fullmatch

    @property
    def names_hub(self) -> bool:
        """Whether it says which hub a file is of."""
        return "EventHub" in self._fields

    @property
    def names_partition(self) -> bool:
        """Whether it says which partition a file is of."""
        return "PartitionId" in self._fields

    def match(self, path: str) -> Placed | None:
        """Return what a path says, None where its end does not match.

        Args:
            path: without the extension, with '/' between its parts.
        """
        found = self._matched(path)
        if found is None:
            return None
        said = found.groupdict()
        time = tuple(int(said.get(name, 0)) for name in _TIMES)
        partition = int(said.get("PartitionId", 0))
        return Placed(namespace=said.get("Namespace"), hub=said.get("EventHub"), partition=partition, time=time)

    def _field(self, name: str) -> str:
        if name not in _FORMS:
            raise ConfigurationError(
                f"pattern {self.text!r}: there is no field {{{name}}}; expected {', '.join(_FORMS)}"
            )
        if name in self._fields:
            return f"(?P={name})"
        self._fields.add(name)
        return f"(?P<{name}>{_FORMS[name]})"
