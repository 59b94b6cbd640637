"""Trains the FAQ model, puts it into a store, or asks it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

_Store = Annotated[Path, typer.Option(help="The folder that models are kept in.")]


@app.command()
def release(store: _Store = Path("store")) -> None:
    """Train, convert and certify the model, and make it the store's champion."""
    from examples.faq.release import release as released  # noqa: PLC0415 - scikit-learn takes a second; --help should not
    from models import LocalStore  # noqa: PLC0415 - onnxruntime: the same

    manifest = released(LocalStore(store))
    first, five = manifest.properties["accuracy"], manifest.properties["top_5_accuracy"]
    typer.echo(f"{manifest.reference} is {manifest.name}@champion")
    typer.echo(f"of phrasings held back, {first:.0%} find their FAQ first and {five:.0%} among the first five")


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In your own words.")],
    store: _Store = Path("store"),
) -> None:
    """Print the FAQs that a question means, and the answer to the best."""
    from examples.faq.ask import LEAST_SURE  # noqa: PLC0415 - as above
    from examples.faq.ask import ask as asked  # noqa: PLC0415 - as above
    from models import LocalStore  # noqa: PLC0415 - as above

    matches = asked(LocalStore(store), question)
    for match in matches:
        typer.echo(f"{match.probability:.3f}  {match.faq.question}")
    best = matches[0]
    typer.echo(f"\n{best.faq.answer if best.probability >= LEAST_SURE else 'None of them fits well.'}")


if __name__ == "__main__":
    app()
