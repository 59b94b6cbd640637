"""A batch that was acknowledged, in numbers, for those who watch."""

import time
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from scoring import Rejected
from telemetry import BatchFacts, RowFacts, Stage

__all__ = ["batch_facts"]

_time_of = attrgetter("time")
_code_of = attrgetter("code")


def batch_facts(rows: RowFacts, too_large: Sequence[Rejected], stages: Sequence[Stage]) -> BatchFacts:
    """Return the facts of a batch that was acknowledged at this moment.

    Args:
        rows: its events and what they came to.
        too_large: why predictions among them became dead letters after all.
        stages: what it went through.
    """
    times = np.fromiter((at for at in map(_time_of, rows.events) if at is not None), np.int64)
    return BatchFacts(
        events=len(rows.events),
        predicted=len(rows.predictions) - len(too_large),
        positive=rows.positive,
        rejected=Counter(map(_code_of, (*rows.refused, *too_large))),
        stages=stages,
        latency_ms=time.time_ns() // 1_000_000 - times,
        rows=rows,
    )
