"""The tables of a report."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stream_worker.replay.backtest.bins import THOUSAND, first_bin, reached
from stream_worker.replay.backtest.headline import caught, headline
from stream_worker.replay.backtest.markup import Child, Element, tag
from stream_worker.replay.backtest.measures import quantiles, ratio
from stream_worker.replay.backtest.words import Names
from stream_worker.replay.comparison import DIFFERENCES, Case, Comparison

__all__ = [
    "by_label",
    "by_threshold",
    "cases",
    "decisions",
    "differences",
    "figures",
    "refusals",
    "table",
]

_LABELS = 12  # of which every pair is shown
_ROWS = 30
_SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_GRID = range(THOUSAND // 10, THOUSAND, THOUSAND // 10)


def table(
    head: Sequence[Child], rows: Sequence[Sequence[Child]], *, caption: str | None = None, texts: int = 1
) -> Element:
    """Return a table, in a box that scrolls where it is wider than the page.

    Args:
        head: of the columns.
        rows: their cells; an element that is a cell is taken as it is.
        caption: above it.
        texts: how many of the first columns are text; the others are numbers.
    """
    looks = [None if place < texts else "number" for place in range(len(head))]
    top = tag("tr", *(_cell("th", each, look, "col") for each, look in zip(head, looks, strict=True)))
    body = (tag("tr", *_cells(row, looks)) for row in rows)
    above = None if caption is None else tag("caption", caption)
    return tag("div", tag("table", above, tag("thead", top), tag("tbody", *body)), class_="scroll", tabindex="0")


def figures(comparison: Comparison, names: Names) -> Element:
    """Return the headline figures, with the better ones marked."""
    rows: list[Sequence[Child]] = []
    for line in headline(comparison):
        cells: list[Child] = []
        for place, shown in enumerate(line.shown):
            cell = tag("td", shown, class_="number better" if line.winner == place else "number")
            if line.between is not None:
                bounds = line.between[place]
                cell = tag("td", tag("span", shown, class_="better" if line.winner == place else None), class_="number")
                cell.append(tag("small", f"{bounds.low:.4f} to {bounds.high:.4f}"))
            cells.append(cell)
        rows.append([line.title, *cells])
    return table(["", *_heads(names)], rows)


def decisions(comparison: Comparison, names: Names) -> Iterator[Element]:
    """Yield how often each two decisions came together."""
    labels = comparison.terms.labels
    if len(labels) > _LABELS:
        yield _most_frequent(comparison, names)
        return
    rows = [
        [f"{names[0]} gives {label}", *(f"{count:,}" for count in comparison.pairs[place].tolist())]
        for place, label in enumerate(labels)
    ]
    yield table(["", *(f"{names[1]} gives {label}" for label in labels)], rows, caption="How often both decide what")
    if comparison.labelled:
        yield _fates(comparison, names)


def by_label(comparison: Comparison, names: Names) -> Element:
    """Return precision and recall of each label, those with the most events first."""
    events = comparison.confusions[0].sum(axis=1)
    places = [place for place in np.argsort(-events, kind="stable").tolist() if events[place]][:_ROWS]
    rows = []
    for place in places:
        both = caught(comparison, place)
        shares = [_share(value) for each in both for value in (each.precision, each.recall)]
        rows.append([str(comparison.terms.labels[place]), f"{int(events[place]):,}", *shares])
    head = ["label", "events", *(f"{what}, {name}" for name in names for what in ("precision", "recall"))]
    return table(head, rows, caption="Label by label" if len(places) < _ROWS else f"The {_ROWS} most frequent labels")


def by_threshold(comparison: Comparison, names: Names) -> Element:
    """Return what both would decide at the same thresholds."""
    flagged = reached(comparison.bins.sum(axis=1))
    lower, higher = reached(comparison.ends)
    known = reached(comparison.bins[:, 1:])
    rows = []
    for threshold in _GRID:
        place = first_bin(threshold)
        counts = (*flagged[:, place].tolist(), int(higher[place] - lower[place]))
        shares: list[float] = []
        if comparison.labelled:
            shares += [ratio(true, true + false) for false, true in known[:, :, place].tolist()]
            shares += [ratio(true, all_true) for true, all_true in known[:, 1, [place, 0]].tolist()]
        rows.append([f"{threshold / THOUSAND:g}", *(f"{count:,}" for count in counts), *map(_share, shares)])
    head = ["threshold", *(f"flagged, {name}" for name in names), "decided differently"]
    head += [f"{what}, {name}" for what in ("precision", "recall") for name in names] if comparison.labelled else []
    return table(head, rows, caption="If both decided from the same threshold on")


def differences(comparison: Comparison, names: Names) -> Element:
    """Return how the scores differ."""
    found = quantiles(comparison.differences, DIFFERENCES, _SHARES)
    one, other = comparison.scores.means.tolist()
    sign = "+.5f" if comparison.terms.is_bounded else "+.4g"
    rows = [["mean", f"{other - one:{sign}}"]]
    rows += [[f"{100 * share:g} % are at most", f"{value:{sign}}"] for share, value in zip(_SHARES, found, strict=True)]
    rows.append(["correlation of the two", f"{comparison.scores.correlation(0, 1):.4f}"])
    return table(["", f"{names[1]} less {names[0]}"], rows, caption="Differences of score")


def cases(comparison: Comparison, names: Names) -> Element:
    """Return the events on which the models differ most: where they stand, and nothing of what is in them."""
    terms = comparison.terms
    head: list[Child] = ["event", "stood at", *(f"score, {name}" for name in names)]
    head += [f"label, {name}" for name in names] if terms.decides else []
    head += ["truth"] if comparison.labelled else []
    rows = [list(_case(case, comparison)) for case in comparison.furthest]
    return table(head, rows, texts=2)


def refusals(comparison: Comparison, names: Names) -> Element:
    """Return why events were refused, and by which of the two."""
    rows = [
        [one or "answered", other or "answered", f"{count:,}"]
        for (one, other), count in sorted(comparison.refused.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table([*_heads(names, "text"), "events"], rows, texts=2)


def _heads(names: Names, look: str = "number") -> list[Child]:
    return [
        tag("th", name, tag("br"), tag("small", role), class_=f"{look} {role}", scope="col")
        for name, role in zip(names, ("champion", "challenger"), strict=True)
    ]


def _most_frequent(comparison: Comparison, names: Names) -> Element:
    pairs = comparison.pairs.copy()
    np.fill_diagonal(pairs, 0)
    order = np.argsort(-pairs, axis=None, kind="stable")[:_ROWS]
    labels = [str(label) for label in comparison.terms.labels]
    rows = [
        [labels[one], labels[other], f"{int(pairs[one, other]):,}"]
        for one, other in zip(*(each.tolist() for each in np.unravel_index(order, pairs.shape)), strict=True)
        if pairs[one, other]
    ]
    return table([*names, "events"], rows, caption="Where they decide differently, most frequent first", texts=2)


def _fates(comparison: Comparison, names: Names) -> Element:
    rows = []
    for place, label in enumerate(comparison.terms.labels):
        (neither, other), (one, both) = comparison.right[place].tolist()
        cells = (both + one + other + neither, both, one, other, neither)
        rows.append([str(label), *(f"{count:,}" for count in cells)])
    head = ["truth", "events", "both are right", f"{names[0]} alone", f"{names[1]} alone", "neither"]
    return table(head, rows, caption="Who is right, where the truth is known")


def _case(case: Case, comparison: Comparison) -> Iterator[Child]:
    terms = comparison.terms
    yield tag("bdi", tag("code", case.event or "-", class_="any"))
    yield tag("bdi", tag("code", case.source, class_="any"))
    yield from map(_value, case.scores)
    if terms.decides:
        yield from (str(terms.labels[place]) if place >= 0 else "-" for place in case.labels)
    if comparison.labelled:
        if case.truth is None:
            yield "-"
        else:
            yield str(terms.labels[int(case.truth)]) if terms.decides else _value(case.truth)


def _cells(row: Sequence[Child], looks: Sequence[str | None]) -> Iterator[Element]:
    for place, (content, look) in enumerate(zip(row, looks, strict=True)):
        yield _cell("td", content, look) if place else _cell("th", content, look, "row")


def _cell(name: str, content: Child, look: str | None, scope: str | None = None) -> Element:
    if isinstance(content, Element) and content.tag in {"th", "td"}:
        return content
    return tag(name, content, class_=look, scope=scope)


def _share(value: float) -> str:
    return "-" if value != value else f"{100 * value:.2f} %"  # noqa: PLR0124 - NaN is what differs from itself


def _value(value: Any) -> str:
    return f"{value:.4g}"
