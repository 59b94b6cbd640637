"""The demonstration's other side, a process of its own: server, producer, and an independent reader of what comes out.

It says on standard output, one JSON object a line, where the server is, and at the end what became of each event. It
ends when its standard input does. The embedded broker keeps little, so the producer is paced by what was read back.
"""

import argparse
import json
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from examples.fraud.events import StreamEvent, events
from weir.demo.audit import Audit, Expected
from weir.demo.wires import PARTITIONS, PREDICTIONS, STEADY_RATE, Wire

__all__ = ["main"]

_UNANSWERED = 16_000  # well below what the broker keeps
_CHUNK = 1000
_PATIENCE_S = 30.0


def main() -> None:
    """Send, read back, count, and print the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", choices=tuple(STEADY_RATE), required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--malformed", type=int, required=True)
    parser.add_argument("--steady", type=int, required=True, help="how many of the events to send at a steady rate")
    options = parser.parse_args()
    with _wire(options.source) as wire:
        sent = events(options.events, malformed=options.malformed)
        traffic = _Traffic(wire)
        _say(dict(wire.address))
        burst = len(sent) - options.steady
        traffic.burst(sent[:burst])
        traffic.steady(sent[burst:], STEADY_RATE[options.source])
        _say(traffic.audit.result())
        sys.stdin.read()  # the server stays until the worker has left it


def _wire(source: str) -> Wire:
    if source == "kafka":
        from weir.demo.kafka import KafkaWire  # noqa: PLC0415 - each wire needs what the other does without

        return KafkaWire()
    from weir.demo.hubs import HubsWire  # noqa: PLC0415

    return HubsWire()


class _Traffic:
    """A producer and a reader in step."""

    def __init__(self, wire: Wire) -> None:
        self.audit = Audit()
        self._wire = wire
        self._next = [0] * PARTITIONS
        self._read = 0
        self._last_progress = time.monotonic()

    def burst(self, sent: Sequence[StreamEvent]) -> None:
        """Send as fast as answers come back."""
        for chunk in _chunks(sent, _CHUNK):
            self._send(chunk)
            while self._waiting > _UNANSWERED and self._patient:
                self._read_back(0.01)
            self._read_back(0.0)
        self._read_all()

    def steady(self, sent: Sequence[StreamEvent], rate: int) -> None:
        """Send at a steady rate, whatever comes back."""
        step = 0.01
        due = time.monotonic()
        for chunk in _chunks(sent, int(rate * step)):
            self._send(chunk)
            due += step
            while (left := due - time.monotonic()) > 0:
                self._read_back(min(left, 0.002))
        self._read_all()

    @property
    def _waiting(self) -> int:
        return len(self.audit.sent) - self._read

    @property
    def _patient(self) -> bool:
        return time.monotonic() - self._last_progress < _PATIENCE_S

    def _send(self, chunk: Sequence[StreamEvent]) -> None:
        portions: dict[int, list[StreamEvent]] = defaultdict(list)
        for event in chunk:
            partition = zlib.crc32(event.key) % PARTITIONS
            portions[partition].append(event)
            expected = Expected(event.event_id, event.key, event.is_fraud, event.malformed)
            self.audit.send(partition, self._next[partition], expected)
            self._next[partition] += 1
        for partition, portion in portions.items():
            self._wire.send(partition, portion)

    def _read_all(self) -> None:
        self._wire.flush()
        while self._waiting > 0 and self._patient:
            self._read_back(0.05)

    def _read_back(self, timeout: float) -> None:
        for answer in self._wire.read(timeout):
            if answer.stream == PREDICTIONS:
                self.audit.prediction(answer.value)
            else:
                self.audit.dead_letter(answer.headers)
            self._read += 1
            self._last_progress = time.monotonic()


def _chunks(items: Sequence[StreamEvent], size: int) -> Iterator[Sequence[StreamEvent]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
