"""What is deployed: a model, its share of the traffic, and whether it only listens."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.references import Reference, parse_reference
from models.session import Provider

__all__ = ["Deployment", "check_traffic"]


class Deployment(BaseModel):
    """A model that answers.

    Attributes:
        name: what to call it.
        model: `name`, `name:3` or `name@champion`, looked up when the process starts.
        traffic: its share of the events, in percent.
        mirror: the share of the events, in percent, that it scores too without its answer being given to anybody.
        allow_uncertified: serve it without a passed certificate; every prediction then says so.
        providers: what it runs on, best first; what this machine lacks is passed over with a warning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    model: str
    traffic: Annotated[int, Field(ge=0, le=100)] = 0
    mirror: Annotated[int, Field(ge=0, le=100)] = 0
    allow_uncertified: bool = False
    providers: Annotated[tuple[Provider, ...], Field(min_length=1)] = ("cpu",)

    @property
    def reference(self) -> Reference:
        """The model's reference.

        Raises:
            ConfigurationError: it is none.
        """
        return parse_reference(self.model)


def check_traffic(deployments: tuple[Deployment, ...]) -> None:
    """Refuse deployments whose shares do not sum to all of the traffic, or whose names are not their own.

    Raises:
        ValueError: says by how much, or which name.
    """
    names = [deployment.name for deployment in deployments]
    if len(set(names)) < len(names):
        raise ValueError(f"deployments: names must differ, not {names}")
    total = sum(deployment.traffic for deployment in deployments)
    if total != 100:  # noqa: PLR2004 - percent
        raise ValueError(f"deployments: traffic must sum to 100, not {total}")
