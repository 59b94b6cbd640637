"""Axes and marks as SVG: drawn by hand, so that a page needs nothing from elsewhere and takes the reader's colours.

Colours and strokes are classes; the page's style sheet gives them their looks in light, in dark and on paper.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from stream_worker.replay.backtest.markup import Element, tag

__all__ = ["Axis", "Frame", "Point"]

Point = tuple[float, float]

_WIDTH, _HEIGHT = 400.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 10.0, 10.0, 42.0
_TICKS = 5
_UNITS = (("G", 1e9), ("M", 1e6), ("k", 1e3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One direction of a picture.

    Attributes:
        title: what is along it.
        low: where it begins.
        high: where it ends, above `low`.
        scale: `log` begins at one, and has room for nothing below that.
    """

    title: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    def share(self, value: float) -> float:
        """Return how far along it a value is, from 0 to 1; beyond its ends where the value is."""
        if self.scale == "log":
            return math.log10(max(value, 0.8) / 0.8) / math.log10(self.high / 0.8)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return round values along it.

        The steps are 1, 2 or 5 times a power of ten (P. S. Heckbert, "Nice Numbers for Graph Labels", Graphics Gems,
        1990); on a logarithmic scale each is a power of ten.
        """
        if self.scale == "log":
            powers = range(math.floor(math.log10(self.high)) + 1)
            return [10.0**power for power in powers][:: 1 + len(powers) // 7]
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [count * step for count in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def shown(self, value: float) -> str:
        """Return how a tick is written."""
        if value == 0:
            return "0"
        least = 1e3 if self.scale == "log" else 1e4
        unit, size = next(((unit, size) for unit, size in _UNITS if abs(value) >= max(size, least)), ("", 1.0))
        return f"{value / size:.4g}{unit}"


class Frame:
    """A picture with two axes, to which marks are added."""

    def __init__(self, x: Axis, y: Axis, description: str) -> None:
        """Draw the axes.

        Args:
            x: to the right.
            y: upwards.
            description: what a reader who does not see it should know.
        """
        self.x, self.y = x, y
        self._root = tag("svg", viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", role="img", aria_label=description)
        self._draw_axes()

    @property
    def element(self) -> Element:
        """The picture."""
        return self._root

    def line(self, points: Iterable[Point], look: str) -> None:
        """Draw a line through points; one that is not finite interrupts it."""
        commands, is_down = [], False
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                is_down = False
                continue
            commands.append(f"{'L' if is_down else 'M'}{self._across(x):.1f} {self._up(y):.1f}")
            is_down = True
        self._root.append(tag("path", d="".join(commands), class_=f"line {look}"))

    def steps(self, edges: Sequence[float], counts: Sequence[float], look: str, *, filled: bool = False) -> None:
        """Draw the outline of a histogram.

        Args:
            edges: of its bars, one more than there are.
            counts: the bars' heights.
            look: a class.
            filled: whether to fill what is below it.
        """
        points: list[Point] = [(edges[0], self.y.low)]
        for low, high, count in zip(edges, edges[1:], counts, strict=False):
            points += [(low, count), (high, count)]
        points.append((edges[-1], self.y.low))
        self.line(points, f"{look} area" if filled else look)

    def dots(self, points: Iterable[tuple[Point, str]], look: str) -> None:
        """Draw points, each with what is said when a pointer rests on it."""
        for (x, y), words in points:
            mark = tag(
                "circle", tag("title", words), cx=self._round(self._across(x)), cy=self._round(self._up(y)), r="3.2"
            )
            mark.set("class", f"dot {look}")
            self._root.append(mark)

    def cell(self, corner: Point, side: float, strength: float) -> None:
        """Fill a square, from faint at 0 to full at 1.

        Args:
            corner: where both of its numbers are lowest.
            side: its length; what is outside the axes is cut off.
            strength: how strongly.
        """
        left, right = self._across(corner[0]), self._across(min(corner[0] + side, self.x.high))
        bottom, top = self._up(corner[1]), self._up(min(corner[1] + side, self.y.high))
        path = f"M{left:.1f} {bottom:.1f}H{right:.1f}V{top:.1f}H{left:.1f}Z"
        self._root.append(tag("path", d=path, class_="cell", fill_opacity=f"{0.22 + 0.78 * strength:.2f}"))

    def across_at(self, value: float, look: str) -> None:
        """Draw a horizontal line from side to side."""
        self.line([(self.x.low, value), (self.x.high, value)], look)

    def up_at(self, value: float, look: str) -> None:
        """Draw a vertical line from the bottom to the top."""
        self.line([(value, self.y.low), (value, self.y.high)], look)

    def _draw_axes(self) -> None:
        x, y, right, bottom = self.x, self.y, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        grid = tag("g", class_="grid")
        for value in x.ticks():
            grid.append(tag("path", d=f"M{self._across(value):.1f} {bottom:g}V{_TOP:g}"))
            grid.append(_text(x.shown(value), self._across(value), bottom + 16, "middle"))
        for value in y.ticks():
            grid.append(tag("path", d=f"M{_LEFT:g} {self._up(value):.1f}H{right:g}"))
            grid.append(_text(y.shown(value), _LEFT - 6, self._up(value) + 4, "end"))
        self._root.append(grid)
        self._root.append(_text(x.title, (_LEFT + right) / 2, _HEIGHT - 7, "middle", "title"))
        title = _text(y.title, 0, 0, "middle", "title")
        title.set("transform", f"translate(11 {(_TOP + bottom) / 2:g}) rotate(-90)")
        self._root.append(title)

    def _across(self, value: float) -> float:
        return _LEFT + self.x.share(value) * (_WIDTH - _RIGHT - _LEFT)

    def _up(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self.y.share(value) * (_HEIGHT - _BOTTOM - _TOP)

    @staticmethod
    def _round(value: float) -> str:
        return f"{value:.1f}"


def _text(text: str, x: float, y: float, anchor: str, look: str | None = None) -> Element:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=look)
