"""What follows from a comparison, in plain words."""

from collections.abc import Iterator

from stream_worker.replay.backtest.headline import agreement, caught, flagged, flipped, headline, moved
from stream_worker.replay.backtest.measures import chance
from stream_worker.replay.comparison import Comparison

__all__ = ["Names", "what_follows"]

Names = tuple[str, str]
"""What the champion and the challenger are called."""

_UNLIKELY = 0.05
_HARDLY = 0.001
_WHOLE = 10  # per cent, from which on they are told without decimals


def what_follows(comparison: Comparison, names: Names) -> list[str]:
    """Return what a reader should know first, a sentence or two an item."""
    if not comparison.compared:
        return [f"No event was answered by both {names[0]} and {names[1]}: there is nothing to compare."]
    tell = _by_values if comparison.terms.task == "regression" else _by_labels
    return [*tell(comparison, names), *_doubts(comparison, names)]


def _by_labels(comparison: Comparison, names: Names) -> Iterator[str]:
    positive = comparison.terms.positive
    watched = 0 if comparison.terms.task == "outlier" else positive
    if watched is not None:
        yield _flags(comparison, watched, names)
    if comparison.labelled:
        yield _is_right(comparison, names) if positive is None else _catches(comparison, positive, names)
    yield _flips(comparison, names)


def _flags(comparison: Comparison, label: int, names: Names) -> str:
    one, other = flagged(comparison, label)
    called = comparison.terms.labels[label]
    if one == other:
        return f"{names[1]} gives {called} to {_events(other)}, as many as {names[0]}."
    if not one:
        return f"{names[1]} gives {called} to {_events(other)}, where {names[0]} gives it to none."
    by = f"{_percent(abs(other - one) / one)} {_more(other - one)}"
    return f"{names[1]} gives {called} to {_events(other)}, {by} than {names[0]} ({one:,})."


def _catches(comparison: Comparison, label: int, names: Names) -> str:
    ones, others = caught(comparison, label)
    total = ones.found + ones.missed
    return (
        f"Of {_events(total)} that truly are {comparison.terms.labels[label]}, {names[1]} finds {others.found:,}: "
        f"{_than(others.found, ones.found, names)}. Of the {comparison.labelled - total:,} that are not, it takes "
        f"{others.false:,} for such: {_than(others.false, ones.false, names)}."
    )


def _is_right(comparison: Comparison, names: Names) -> str:
    one, other = (int(table.trace()) for table in comparison.confusions)
    return (
        f"Of {_events(comparison.labelled)} whose truth is known, {names[1]} is right on {other:,}: "
        f"{_than(other, one, names)}."
    )


def _flips(comparison: Comparison, names: Names) -> str:
    count = flipped(comparison)
    if not count:
        return f"Both decide all {_events(comparison.compared)} alike."
    told = f"They decide {_events(count)} differently, {_percent(1 - agreement(comparison))} of all."
    mended, spoiled = moved(comparison)
    if not comparison.labelled or not mended + spoiled:
        return told
    p = chance(mended, spoiled)
    luck = (
        f"Two equally good models would differ as much in {_percent(p)} of such tests: it may be luck."
        if p > _UNLIKELY
        else "Two equally good models would hardly differ so much by luck "
        f"({'less than 0.1 %' if p < _HARDLY else _percent(p)} of such tests)."
    )
    return (
        f"{told} Where the truth is known, {names[1]} alone is right on {mended:,} and {names[0]} alone on "
        f"{spoiled:,}. {luck}"
    )


def _by_values(comparison: Comparison, names: Names) -> Iterator[str]:
    lines = {line.name: line for line in headline(comparison)}
    one, other = comparison.scores.means.tolist()
    yield f"On average {names[1]} answers {other:,.5g} where {names[0]} answers {one:,.5g}."
    if "mae" in lines:
        one, other = lines["mae"].figures
        by = f", {_percent(abs(other - one) / one)} {'less' if other < one else 'more'}" if one else ""
        yield f"{names[1]} is off by {other:,.4g} on average where {names[0]} is off by {one:,.4g}{by}."


def _doubts(comparison: Comparison, names: Names) -> Iterator[str]:
    """Yield what a reader might otherwise not know to be missing."""
    for name, alone in zip(names, _refused_alone(comparison), strict=True):
        if alone:
            yield f"{name} alone refused {_events(alone)}; what is refused is not compared."
    if 0 < comparison.labelled < comparison.compared:
        yield (
            f"The truth is known of {comparison.labelled:,} of the {comparison.compared:,} events compared; what is "
            "said of being right is of these alone."
        )
    if comparison.foreign:
        yield (
            f"In {_events(comparison.foreign)} the label is one that neither model knows, or is no number; "
            "it is passed over."
        )


def _refused_alone(comparison: Comparison) -> tuple[int, int]:
    ones = sum(count for (one, other), count in comparison.refused.items() if one and not other)
    others = sum(count for (one, other), count in comparison.refused.items() if other and not one)
    return ones, others


def _than(now: int, before: int, names: Names) -> str:
    if now == before:
        return f"as many as {names[0]}"
    return f"{abs(now - before):,} {_more(now - before)} than {names[0]} ({before:,})"


def _more(difference: int) -> str:
    return "more" if difference > 0 else "fewer"


def _events(count: int) -> str:
    return f"{count:,} event" if count == 1 else f"{count:,} events"


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.2g} %" if percent < _WHOLE else f"{percent:,.0f} %"
