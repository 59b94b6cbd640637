"""The settings of the log."""

from typing import Annotated, Literal

from pydantic import Field

from models.strict import StrictSettings

__all__ = ["LogSettings"]


class LogSettings(StrictSettings):
    """How the log looks, and how much of it there is.

    Attributes:
        format: `plain` for people, `json` for machines: one object a line, with the trace that it belongs to.
        level: the lowest that is written.
        repeats_per_minute: equal messages that are written; how many more there were is said.
        lines_per_second: lines of level warning and below that are written, of any kind; errors are not counted.
    """

    format: Literal["plain", "json"] = "plain"
    level: Literal["debug", "info", "warning", "error"] = "info"
    repeats_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 60
    lines_per_second: Annotated[int, Field(ge=1, le=100_000)] = 200
