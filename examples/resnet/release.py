"""The random network into a store: without a certificate, because there is no original to compare it with."""

from collections.abc import Callable

from converters import GraphSource, convert_graph
from examples.resnet.architecture import RESNET_152, Architecture
from examples.resnet.build import INPUT, OUTPUT, build
from models import Store
from scoring import Feature, Graph, Manifest, Outputs

__all__ = ["release"]


def release(
    store: Store,
    *,
    name: str = "resnet",
    architecture: Architecture = RESNET_152,
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Build the network, add it to the store uncertified, and point its alias `champion` to it.

    Serving refuses it unless `allow_uncertified` is set, and every prediction then says so.

    Args:
        store: where to add it.
        name: the model's name there.
        architecture: how large it is.
        seed: of the weights.
        report: told what is being done, for showing progress.
    """
    report(f"building a network of {architecture.layers} layers")
    source = GraphSource(
        model=build(architecture, seed=seed),
        task="multiclass",
        features=(Feature(name=INPUT, path=(INPUT,), dtype="image", shape=(3, architecture.side, architecture.side)),),
        graph=Graph(form="columns", score=OUTPUT),
        outputs=Outputs(labels=tuple(range(architecture.classes)), top_k=5),
        reference=None,
    )
    manifest = convert_graph(
        source,
        name=name,
        store=store,
        tags={"weights": "random, trained on nothing", "certificate": "none: there is no original"},
        properties={"layers": architecture.layers, "parameters": architecture.parameters, "seed": seed},
        report=report,
    )
    store.set_alias(name, "champion", manifest.version)
    return manifest
