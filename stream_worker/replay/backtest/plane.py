"""How often two numbers fell into each cell of a plane whose scale is found while they are counted.

Rules:
- Cells are squares with sides of a power of two, and begin at multiples of it. Four cells make exactly one of the next
  scale, so nothing is counted twice or placed wrongly when the scale grows.
- The scale is the finest at which all that was seen fits into `SIDE` cells each way. It depends on what was seen alone,
  and not on its order or on how it was cut into batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "Cell", "Plane"]

SIDE = 64
"""Cells each way, at most."""

Cell = tuple[int, int]
"""A cell by its place along the first number's axis and along the second's, counted from zero in cells."""

_FINEST = -1000
_DIGITS = 40  # a cell is never finer than this many binary digits below the largest number

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Counts in the cells of a plane.

    Attributes:
        level: a cell's side is 2 to the power of it.
        cells: how many pairs fell into each cell, those without any left out.
    """

    level: int = _FINEST
    cells: Mapping[Cell, int] = field(default_factory=dict)

    @classmethod
    def of(cls, ones: _Floats, others: _Floats) -> "Plane":
        """Return the plane of a batch of finite pairs, shapes [N]; N may be 0."""
        if not len(ones):
            return cls()
        both = np.stack([ones, others])
        _, exponent = np.frexp(np.abs(both).max())
        level = max(_FINEST, int(exponent) - _DIGITS) if both.any() else _FINEST
        scaled = np.ldexp(both, -level)
        scaled[(scaled == 0) & (both < 0)] = -1  # too small for a double now, and still below zero
        places = np.floor(scaled).astype(np.int64)
        grown = _levels_to_grow(int(places.min()), int(places.max()))
        places >>= grown
        first = int(places.min())
        numbers, counts = np.unique((places[0] - first) * SIDE + places[1] - first, return_counts=True)
        cells = {
            (first + number // SIDE, first + number % SIDE): count
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        }
        return cls(level=level + grown, cells=cells)

    @property
    def side(self) -> float:
        """The length of a cell's side."""
        return float(np.ldexp(1.0, self.level))

    def __add__(self, other: "Plane") -> "Plane":
        if not (self.cells and other.cells):
            return self if self.cells else other
        level = max(self.level, other.level)
        cells: dict[Cell, int] = {}
        for plane in (self, other):
            _pour(plane.cells, level - plane.level, cells)
        places = [place for cell in cells for place in cell]
        grown = _levels_to_grow(min(places), max(places))
        coarse = _pour(cells, grown, {}) if grown else cells
        return Plane(level=level + grown, cells=coarse)


def _pour(cells: Mapping[Cell, int], levels: int, into: dict[Cell, int]) -> dict[Cell, int]:
    """Add cells to those of a scale that is so many levels coarser."""
    for (one, other), count in cells.items():
        cell = one >> levels, other >> levels
        into[cell] = into.get(cell, 0) + count
    return into


def _levels_to_grow(low: int, high: int) -> int:
    grown = 0
    while (high >> grown) - (low >> grown) >= SIDE:
        grown += 1
    return grown
