"""Trains the network and puts it into a store, writes digits as pictures, or reads a picture."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

_Store = Annotated[Path, typer.Option(help="The folder that models are kept in.")]


@app.command()
def release(store: _Store = Path("store")) -> None:
    """Train, compose and certify the network, and make it the store's champion."""
    from examples.digits.release import release as released  # noqa: PLC0415 - scikit-learn takes a second
    from models import LocalStore  # noqa: PLC0415 - onnxruntime: the same

    manifest = released(LocalStore(store))
    accuracy, images = manifest.properties["accuracy"], manifest.properties["test_images"]
    typer.echo(f"{manifest.reference} is {manifest.name}@champion, accuracy {accuracy} on {images} images held back")


@app.command()
def pictures(
    folder: Annotated[Path, typer.Argument(help="Made if it is not there.")],
    count: Annotated[int, typer.Option(min=1, max=540, help="Number of digits.")] = 5,
    scale: Annotated[int, typer.Option(min=1, max=64, help="Pixels wide and high that each of the 8 x 8 becomes.")] = 1,
) -> None:
    """Write digits that the network never saw as PNG files, named by their number and what is written."""
    from examples.digits.pictures import picture  # noqa: PLC0415 - as above
    from examples.digits.train import held_back  # noqa: PLC0415 - as above

    folder.mkdir(parents=True, exist_ok=True)
    data = held_back()
    for number, (pixels, label) in enumerate(zip(data.images[:count], data.labels, strict=False)):
        path = folder / f"{number}-is-a-{label}.png"
        path.write_bytes(picture(pixels, scale=scale))
        typer.echo(path)


@app.command()
def read(
    file: Annotated[Path, typer.Argument(help="A PNG or JPEG of one digit, light on dark.", exists=True)],
    store: _Store = Path("store"),
) -> None:
    """Print the five digits that a picture most likely shows, with their probabilities."""
    from examples.digits.pictures import event_of  # noqa: PLC0415 - as above
    from models import LocalStore, load_pipeline, parse_reference  # noqa: PLC0415 - as above
    from scoring import Event, Rejected  # noqa: PLC0415 - as above

    pipeline = load_pipeline(LocalStore(store), parse_reference("digits@champion"))
    (outcome,) = pipeline.score([Event(event_of(file.read_bytes()))])
    if isinstance(outcome, Rejected):
        raise typer.BadParameter(outcome.reason)
    for each in outcome.scores or ():
        typer.echo(f"{each.label}  {each.score:.4f}")


if __name__ == "__main__":
    app()
