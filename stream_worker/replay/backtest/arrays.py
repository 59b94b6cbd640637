"""What the arrays of a back-test hold."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Counts", "Floats", "Places"]

Counts = NDArray[np.int64]
"""How often something was seen."""

Floats = NDArray[np.float64]
"""Scores, values, shares."""

Places = NDArray[np.intp]
"""Where something stands: labels among those of the terms, rows of a batch, bins."""
