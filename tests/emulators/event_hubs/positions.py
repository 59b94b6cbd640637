"""Where a receiver starts: the filter it sends, as an index into a partition."""

import re

from .errors import Refusal
from .log import Partition

__all__ = ["first_index"]

_SELECTOR = re.compile(
    r"amqp\.annotation\.x-opt-(?P<what>offset|sequence-number|enqueued-time(?:-utc)?)\s*(?P<sign>>=?)\s*'?(?P<value>[^']*)'?"
)


def first_index(partition: Partition, selector: str | None) -> int:
    """Return the index of the first event that a receiver with this filter gets, of those that retention has left.

    Args:
        partition: what it reads.
        selector: the filter's expression; without one, everything is wanted.

    Raises:
        Refusal: the filter is unknown, or the position is one that the partition never reached.
    """
    return max(partition.first, _index(partition, selector) if selector else 0)


def _index(partition: Partition, selector: str) -> int:
    match = _SELECTOR.fullmatch(selector.strip())
    if not match:
        raise Refusal.bad_filter(selector)
    what, value, inclusive = match["what"], match["value"], match["sign"] == ">="
    if value == "@latest":
        return len(partition.stored)
    if not re.fullmatch(r"-?\d+", value):
        raise Refusal.bad_filter(selector)
    number = int(value)
    if what == "offset":
        return _at_offset(partition, number, inclusive=inclusive)
    if what == "sequence-number":
        return _at_sequence_number(partition, number, inclusive=inclusive)
    return partition.after_time(number, inclusive=inclusive)


def _at_offset(partition: Partition, offset: int, *, inclusive: bool) -> int:
    last = partition.last.offset if partition.last else -1
    if offset > last:
        raise Refusal.beyond_the_end("offset", str(offset), str(last))
    return partition.after_offset(offset, inclusive=inclusive)


def _at_sequence_number(partition: Partition, number: int, *, inclusive: bool) -> int:
    last = len(partition.stored) - 1
    if number > last + inclusive:
        raise Refusal.beyond_the_end("sequence number", str(number), str(last))
    return max(0, number if inclusive else number + 1)
