"""Event bytes to structs: one pass of msgspec over a batch, and a rejection for each event that does not fit."""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, TypeGuard, cast

import msgspec

from scoring.explain import explain
from scoring.nesting import MAX_DEPTH, too_deep
from scoring.outcomes import Rejected

__all__ = ["MAX_EVENT_BYTES", "Decoder"]

MAX_EVENT_BYTES = 1_048_576
_FEW_BRACKETS = MAX_DEPTH // 2


class Decoder:
    """Decodes batches of event bodies to the struct of a model's schema."""

    def __init__(
        self, struct: type[msgspec.Struct], *, max_bytes: int = MAX_EVENT_BYTES, names: Sequence[str] = ()
    ) -> None:
        """Prepare to decode.

        Args:
            struct: what each body must fit.
            max_bytes: the largest body that is looked at.
            names: what the places of an array are called, where the bodies are arrays.
        """
        self._names = names
        self._struct = struct
        self._decode: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(struct).decode
        self._max_bytes = max_bytes

    def decode(self, values: Sequence[bytes | None]) -> list[msgspec.Struct | Rejected]:
        """Return, for each body in order, its struct or why it was refused."""
        if not self._all_plain(values):
            return [self._decode_suspect(value) for value in values]
        decoded: list[Any] = []
        structs = map(self._decode, values)
        while True:
            try:
                # extend keeps what it had when the iterator raises, and the iterator goes on after the guilty event
                decoded.extend(structs)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                decoded.append(explain(values[len(decoded)], error, self._names, self._struct))
            else:
                return decoded

    def _all_plain(self, values: Sequence[bytes | None]) -> TypeGuard[Sequence[bytes]]:
        """Whether no body is a tombstone, oversized, or could be nested too deep: three passes in C."""
        if not values or None in values:
            return not values
        bodies = cast("Sequence[bytes]", values)
        return (
            max(map(len, bodies)) <= self._max_bytes
            and max(map(bytes.count, bodies, repeat(b"{"))) <= _FEW_BRACKETS
            and max(map(bytes.count, bodies, repeat(b"["))) <= _FEW_BRACKETS
        )

    def _decode_suspect(self, value: bytes | None) -> msgspec.Struct | Rejected:
        if value is None:
            return Rejected("tombstone", "the event has no value (a tombstone); expected a JSON object")
        if len(value) > self._max_bytes:
            return Rejected("too_large", f"the event has {len(value)} bytes; at most {self._max_bytes} are accepted")
        if too_deep(value):
            return Rejected("too_deep", f"the event nests deeper than {MAX_DEPTH} levels")
        try:
            return self._decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return explain(value, error, self._names, self._struct)
