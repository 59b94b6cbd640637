"""Trains the fraud model or writes events, from the command line."""

import json
import sys
from typing import Annotated

import typer

from examples.fraud.events import events as make_events
from examples.fraud.simulator import SEED

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def train() -> None:
    """Train the model on the simulated transactions and print what was measured, as JSON."""
    from examples.fraud.train import properties  # noqa: PLC0415  writing events does not wait for scikit-learn

    typer.echo(json.dumps(properties(), indent=2))


@app.command()
def events(
    count: Annotated[int, typer.Option(min=1, help="Number of events.")] = 10,
    malformed: Annotated[int, typer.Option(min=0, help="How many of them are broken on purpose.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = SEED,
) -> None:
    """Write events of the test period as JSON Lines."""
    for event in make_events(count, seed, malformed):
        sys.stdout.buffer.write(event.value + b"\n")


if __name__ == "__main__":
    app()
