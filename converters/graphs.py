"""ONNX graphs as they come: names of values, in the graph and in the bodies of its loops."""

from collections.abc import Collection, Iterator, Mapping
from itertools import count

import onnx

__all__ = ["fresh", "rename", "value_names"]


def value_names(graph: onnx.GraphProto) -> Iterator[str]:
    """Yields the name of every input, initializer and node output, those of inner graphs too."""
    yield from (value.name for value in graph.input)
    yield from (tensor.name for tensor in graph.initializer)
    for node in graph.node:
        yield from node.output
    for inner in _subgraphs(graph):
        yield from value_names(inner)


def fresh(graph: onnx.GraphProto, wanted: Collection[str]) -> dict[str, str]:
    """New names, free in the graph, for the values that hold a name wanted for something else.

    Args:
        graph: the graph.
        wanted: names to make room for.

    Returns:
        What `rename` takes: the new name by the old one.
    """
    taken = set(value_names(graph)) | set(wanted)
    moved = {}
    for name in sorted(set(wanted) & set(value_names(graph))):
        moved[name] = next(free for index in count() if (free := f"inner{index}_{name}") not in taken)
        taken.add(moved[name])
    return moved


def rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Renames values wherever they stand, in place.

    Args:
        graph: the graph.
        names: the new name for each old one.
    """
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for inner in _subgraphs(graph):
        rename(inner, names)


def _subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    for node in graph.node:
        yield from (attribute.g for attribute in node.attribute if attribute.HasField("g"))
