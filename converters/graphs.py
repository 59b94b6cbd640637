"""ONNX graphs as they come: names of values, in the graph and in the bodies of its loops."""

from collections.abc import Collection, Iterator, Mapping
from itertools import count

import onnx

__all__ = ["fresh", "rename", "settle_order", "value_names"]


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


def settle_order(model: onnx.ModelProto) -> None:
    """Puts nodes and operator sets into an order that only their names decide, in place.

    skl2onnx sorts nodes of equal depth by their addresses in memory and keeps the operator sets in a set, so that the
    same estimator would give another digest in another process.

    Args:
        model: a model whose nodes each come after what they read.
    """
    graph = model.graph
    depth: dict[str, int] = {}
    for node in graph.node:
        level = 1 + max((depth.get(name, 0) for name in _reads(node)), default=0)
        depth.update(dict.fromkeys(node.output, level))
    nodes = sorted(graph.node, key=lambda node: (depth[node.output[0]], node.output[0]))
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del graph.node[:], model.opset_import[:]
    graph.node.extend(nodes)
    model.opset_import.extend(opsets)


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads, and what the bodies of a loop read from around it."""
    yield from node.input
    for body in _bodies(node):
        for inner in body.node:
            yield from _reads(inner)


def _bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    yield from (attribute.g for attribute in node.attribute if attribute.HasField("g"))


def _subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    for node in graph.node:
        yield from _bodies(node)
