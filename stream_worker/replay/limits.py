"""How large one thing in an archive may be before reading it is refused."""

from typing import Annotated

from pydantic import Field

from models.strict import StrictSettings
from scoring.decode import MAX_EVENT_BYTES

__all__ = ["Limits"]


class Limits(StrictSettings):
    """Bounds on what is held in memory at once, whatever an archive claims to hold.

    Attributes:
        max_event_bytes: of a line; a longer one is passed over as a problem.
        max_block_bytes: of an Avro block or a Parquet page once decompressed, and of what a compressed file may make
            before its ratio is looked at.
    """

    max_event_bytes: Annotated[int, Field(ge=1)] = MAX_EVENT_BYTES
    max_block_bytes: Annotated[int, Field(ge=1)] = 268_435_456
