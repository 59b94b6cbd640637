"""How drift is watched while models serve: over which time, and at which cost."""

from typing import Annotated

from pydantic import Field

from models.strict import StrictSettings

__all__ = ["DriftSettings"]


class DriftSettings(StrictSettings):
    """The window that figures are of, and how many rows are looked at.

    Attributes:
        window_s: how far back figures look, in seconds.
        slices: the window moves on by a slice at a time.
        rows_per_second: how many rows are looked at, at most: of a batch with more, rows at equal distances.
        min_rows: how many rows in the window a column of ten bins needs before it has figures; more bins need more.
    """

    window_s: Annotated[float, Field(ge=60, le=604_800)] = 3600.0
    slices: Annotated[int, Field(ge=2, le=96)] = 12
    rows_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    min_rows: Annotated[int, Field(ge=1)] = 200

    @property
    def slice_s(self) -> float:
        """How long a slice is, in seconds."""
        return self.window_s / self.slices
