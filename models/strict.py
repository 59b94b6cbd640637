"""What sections of the settings have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Seconds", "StrictSettings"]

Seconds = Annotated[float, Field(gt=0, le=3600)]
"""How long something may take."""


class StrictSettings(BaseModel):
    """Settings that never change, and that refuse a key they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
