"""Builds a network of ResNet-152's shape into a store, and times it."""

import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

_Store = Annotated[Path, typer.Option(help="The folder that models are kept in.")]


@app.command()
def release(store: _Store = Path("store")) -> None:
    """Build the network with random weights and store it without a certificate: 240 MB."""
    from examples.resnet.release import release as released  # noqa: PLC0415 - onnxruntime takes a second
    from models import LocalStore  # noqa: PLC0415 - as above

    properties = (manifest := released(LocalStore(store))).properties
    typer.echo(f"{manifest.reference}: {properties['layers']} layers, {properties['parameters']:,} weights at random")
    typer.echo("it has no certificate: serving it takes allow_uncertified")


@app.command()
def measure(
    store: _Store = Path("store"),
    images: Annotated[int, typer.Option(min=1, help="How many are scored, one after the other.")] = 3,
) -> None:
    """Score images of noise on one thread, and print how long one takes."""
    import numpy as np  # noqa: PLC0415 - as above

    from models import LocalStore, load_scorer, parse_reference, resolve  # noqa: PLC0415 - as above

    kept = LocalStore(store)
    manifest = kept.manifest("resnet", resolve(kept, parse_reference("resnet@champion")))
    scorer = load_scorer(kept, manifest, allow_uncertified=True)
    shape = (images + 1, *(manifest.features[0].shape or ()))
    noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    scorer.run({"image": noise[:1]})  # the first run plans its memory
    began = time.perf_counter()
    for image in noise[1:]:
        scorer.run({"image": image[np.newaxis]})
    typer.echo(f"{1000 * (time.perf_counter() - began) / images:.0f} ms an image")


if __name__ == "__main__":
    app()
