"""Means, variances and correlations that add up: over batches, over groups, over processes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The first two moments of several variables that were seen together.

    They are kept as mean and squared deviations, and added as T. F. Chan, G. H. Golub and R. J. LeVeque do in "Updating
    Formulae and a Pairwise Algorithm for Computing Sample Variances", Stanford, 1979: sums of squares would lose their
    digits where values are large beside their differences.

    Attributes:
        count: how many times they were seen.
        means: shape [K].
        deviations: sums of the products of what each differs from its mean, shape [K, K].
    """

    count: int
    means: _Floats
    deviations: _Floats

    @classmethod
    def of(cls, values: _Floats) -> "Moments":
        """Return the moments of a batch, shape [K, N]; N may be 0."""
        if not values.size:
            return cls(count=0, means=np.zeros(len(values)), deviations=np.zeros((len(values), len(values))))
        means = values.mean(axis=1)
        apart = values - means[:, None]
        return cls(count=values.shape[1], means=means, deviations=apart @ apart.T)

    def __add__(self, other: "Moments") -> "Moments":
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        shift = other.means - self.means
        return Moments(
            count=count,
            means=self.means + shift * (other.count / count),
            deviations=self.deviations + other.deviations + np.outer(shift, shift) * (self.count * other.count / count),
        )

    def variance(self, place: int) -> float:
        """Return the variance of a variable, of all that was seen; NaN where nothing was."""
        return float(self.deviations[place, place]) / self.count if self.count else float("nan")

    def correlation(self, one: int, other: int) -> float:
        """Return Pearson's correlation of two variables; NaN where one of them never varies."""
        spread = float(self.deviations[one, one]) * float(self.deviations[other, other])
        return float(self.deviations[one, other]) / spread**0.5 if spread > 0 else float("nan")
