"""Trains the diabetes model, puts it into a store, or prints a request for it."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def train() -> None:
    """Train the model and print what was measured on the patients held back, as JSON."""
    from examples.diabetes.train import train as trained  # noqa: PLC0415 - scikit-learn takes a second; --help should not

    typer.echo(json.dumps(trained().properties, indent=2))


@app.command()
def release(
    store: Annotated[Path, typer.Option(help="The folder that models are kept in.")] = Path("store"),
) -> None:
    """Train, convert and certify the model, and make it the store's champion."""
    from examples.diabetes.release import release as released  # noqa: PLC0415 - as above
    from models import LocalStore  # noqa: PLC0415 - onnxruntime: the same

    manifest = released(LocalStore(store))
    typer.echo(
        f"{manifest.reference} is {manifest.name}@champion, r2 {manifest.properties['r2']} on patients held back"
    )


@app.command()
def request() -> None:
    """Print a body for POST /score: two patients, by the names of their measurements."""
    from examples.diabetes.train import SAMPLE  # noqa: PLC0415 - as above

    typer.echo(json.dumps(SAMPLE))


if __name__ == "__main__":
    app()
