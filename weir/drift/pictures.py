"""The pictures of drift: for one column, the share of rows in each bin, in training and now, side by side."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from scoring import Feature, Manifest
from stream_worker.replay.backtest.markup import Element, tag
from telemetry.drift import Counts, Place

__all__ = ["LOOKS", "Bar", "bars_of", "picture"]

LOOKS: Final = (("then", "training"), ("now", "now"))
"""The class of each kind of bar, and what it stands for."""

_MOST: Final = 14
_LONGEST: Final = 18
_WIDTH, _LEFT, _RIGHT = 400.0, 128.0, 48.0
_ROW, _BAR, _TOP = 30.0, 11.0, 4.0


class Bar(NamedTuple):
    """A bin, and the share of rows in it, from 0 to 1."""

    title: str
    then: float
    now: float


def bars_of(place: Place, counts: Counts, manifest: Manifest) -> list[Bar]:
    """Return the bins of a column, with the smallest categories as one; nulls are a bin where there are any.

    Args:
        place: the column's.
        counts: of the rows now, shape [bins of the model].
        manifest: names the categories.
    """
    baseline, found = place.bins.baseline, place.of(counts).tolist()
    then, now = [*baseline.counts, baseline.nulls], found[:-1]
    titles = [*_titles(place, manifest), "null"]
    before, after = max(1, sum(then)), max(1, sum(now))
    bars = [Bar(*each) for each in zip(titles, (n / before for n in then), (n / after for n in now), strict=True)]
    if not then[-1] and not now[-1]:
        del bars[-1]
    return bars if place.bins.ordered else _gathered(bars)


def picture(name: str, bars: list[Bar]) -> Element:
    """Return the bars as a picture.

    Args:
        name: of the column.
        bars: its bins, from the top down.
    """
    height = 2 * _TOP + _ROW * len(bars)
    most = max(max(bar.then, bar.now) for bar in bars) or 1.0
    root = tag(
        "svg",
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
        role="img",
        aria_label=f"The share of rows in each bin of {name}, in training and now.",
    )
    for number, bar in enumerate(bars):
        for child in _row(bar, _TOP + number * _ROW, most):
            root.append(child)
    return root


def _row(bar: Bar, top: float, most: float) -> Iterator[Element]:
    shown = bar.title if len(bar.title) <= _LONGEST else f"{bar.title[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    middle = top + _ROW / 2 + 4
    yield tag("text", tag("title", bar.title), shown, x=_LEFT - 8, y=middle, text_anchor="end", class_="title")
    for place, ((look, words), share) in enumerate(zip(LOOKS, (bar.then, bar.now), strict=True)):
        above = top + _ROW / 2 - _BAR + place * _BAR
        width = (_WIDTH - _LEFT - _RIGHT) * share / most
        told = tag("title", f"{bar.title}, {words}: {100 * share:.2f} %")
        yield tag("rect", told, x=_LEFT, y=above, width=f"{width:.1f}", height=_BAR - 1, rx=1.5, class_=f"bar {look}")
        yield tag("text", _percent(share), x=f"{_LEFT + width + 5:.1f}", y=above + _BAR - 2, class_="share")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 or not share else "< 0.1 %"  # noqa: PLR2004 - what .1f can show


def _titles(place: Place, manifest: Manifest) -> list[str]:
    feature = None if place.is_score else next(each for each in manifest.features if each.name == place.name)
    if feature is not None and not place.bins.ordered:
        return [*(feature.categories or ()), "all others"]
    if feature is not None and feature.dtype == "bool":
        return ["false", "true"]
    return _ranges(place.bins.baseline.edges, feature)


def _ranges(edges: tuple[float, ...], feature: Feature | None) -> list[str]:
    if not edges:
        return ["a number"]
    if feature is not None and feature.dtype == "int64" and all(map(float.is_integer, edges)):
        shown = [f"{edge:.0f}" for edge in edges]
    else:
        shown = _apart(edges)
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"]


def _apart(edges: tuple[float, ...]) -> list[str]:
    """Write numbers as short as they can be told apart, and no shorter than three digits."""
    for digits in range(3, 17):
        shown = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(shown)) == len(edges):
            return shown
    return list(map(str, edges))


def _gathered(bars: list[Bar]) -> list[Bar]:
    """Return the bars of categories, the smaller ones among many as one."""
    if len(bars) <= _MOST:
        return bars
    largest = set(sorted(range(len(bars)), key=lambda place: -max(bars[place].then, bars[place].now))[: _MOST - 1])
    rest = [bar for place, bar in enumerate(bars) if place not in largest]
    one = Bar(f"{len(rest)} others", sum(bar.then for bar in rest), sum(bar.now for bar in rest))
    return [*(bar for place, bar in enumerate(bars) if place in largest), one]
