"""Trains the loan model against the champion, writes applications, or prints a request."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def release(
    store: Annotated[Path, typer.Option(help="The folder that models are kept in.")] = Path("store"),
    rows: Annotated[int, typer.Option(min=100, help="Decided applications to learn from.")] = 20_000,
) -> None:
    """Train a model and make it the store's champion, if it is better than the one there is."""
    from examples.loans.release import challenge  # noqa: PLC0415 - scikit-learn takes a second; --help should not
    from examples.loans.train import train  # noqa: PLC0415 - the same
    from models import LocalStore  # noqa: PLC0415 - onnxruntime: the same

    typer.echo(challenge(LocalStore(store), train(rows)))


@app.command()
def applications(
    file: Annotated[Path, typer.Argument(help="Ends in .parquet, or in .jsonl for JSON Lines.")],
    count: Annotated[int, typer.Option(min=1, help="Number of applications.")] = 512_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulation.")] = 0,
) -> None:
    """Write applications for a model to score, undecided."""
    from examples.loans.applications import write_applications  # noqa: PLC0415 - pandas takes a second

    try:
        write_applications(file, count, seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{count:,} applications in {file}")


@app.command()
def request() -> None:
    """Print a body for POST /score: two applicants, of whom one holds nine credit cards."""
    from examples.loans.train import SAMPLE  # noqa: PLC0415 - scikit-learn takes a second

    typer.echo(json.dumps(SAMPLE))


if __name__ == "__main__":
    app()
