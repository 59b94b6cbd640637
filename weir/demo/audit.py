"""Counts what became of each event, by its id, from what was read back; nothing is assumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

__all__ = ["Audit", "Expected"]


class Expected(msgspec.Struct, frozen=True):
    """One event as it was sent.

    Attributes:
        event_id: its id, which a malformed one may have lost.
        key: its key; answers to one key must keep its order.
        is_fraud: the truth.
        malformed: whether it was broken on purpose.
    """

    event_id: str
    key: bytes
    is_fraud: bool
    malformed: bool


class _Seen(msgspec.Struct):
    event_id: str
    label: int


_decode = msgspec.json.Decoder(_Seen).decode


@dataclass(slots=True)
class Audit:
    """Holds what was read back against what was sent.

    Attributes:
        sent: events by the position at which the broker has them, `(partition, offset)`.
        predicted: how often each event id was answered by a prediction.
        buried: how often each position came back as a dead letter.
    """

    sent: dict[tuple[int, int], Expected] = field(default_factory=dict)
    predicted: dict[str, int] = field(default_factory=dict)
    buried: dict[tuple[int, int], int] = field(default_factory=dict)
    caught: int = 0
    out_of_order: int = 0
    wrongly_answered: int = 0
    _order: dict[str, int] = field(default_factory=dict)
    _last: dict[bytes, int] = field(default_factory=dict)
    _keys: dict[str, Expected] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        """Messages read back so far."""
        return sum(self.predicted.values()) + sum(self.buried.values())

    def send(self, partition: int, offset: int, event: Expected) -> None:
        """Note an event that was handed to the broker, in the order of sending."""
        self.sent[partition, offset] = event
        self._order[event.event_id] = len(self._order)
        self._keys[event.event_id] = event

    def prediction(self, value: bytes) -> None:
        """Note a prediction that was read back."""
        seen = _decode(value)
        event = self._keys.get(seen.event_id)
        if event is None or event.malformed:
            self.wrongly_answered += 1
            return
        first = seen.event_id not in self.predicted
        self.predicted[seen.event_id] = self.predicted.get(seen.event_id, 0) + 1
        if first:
            self.caught += event.is_fraud and seen.label == 1
            order = self._order[seen.event_id]
            self.out_of_order += order < self._last.get(event.key, -1)
            self._last[event.key] = order

    def dead_letter(self, headers: Mapping[str, str | bytes | None]) -> None:
        """Note a dead letter that was read back; it says itself where its event stood."""
        source = headers["weir-source"]
        _, partition, offset = (source.decode() if isinstance(source, bytes) else str(source)).rsplit("/", 2)
        at = int(partition), int(offset)
        self.buried[at] = self.buried.get(at, 0) + 1

    def result(self) -> dict[str, int]:
        """Return the counts, over all events sent."""
        well_formed = [event for event in self.sent.values() if not event.malformed]
        malformed = [at for at, event in self.sent.items() if event.malformed]
        lost = sum(event.event_id not in self.predicted for event in well_formed)
        lost += sum(at not in self.buried for at in malformed)
        counts = [*self.predicted.values(), *self.buried.values()]
        buried_well_formed = sum(not self.sent[at].malformed for at in self.buried if at in self.sent)
        return {
            "events": len(self.sent),
            "predictions": sum(self.predicted.values()),
            "dead_letters": sum(self.buried.values()),
            "lost": lost,
            "duplicated": sum(count - 1 for count in counts),
            "out_of_order": self.out_of_order,
            "wrongly_answered": self.wrongly_answered + buried_well_formed,
            "frauds": sum(event.is_fraud for event in well_formed),
            "frauds_caught": self.caught,
        }
