"""Where an input of the graph crosses a tree's threshold, found on the session's own numbers.

Whatever stands between the inputs and the trees (nothing, a scaler, a selection of columns, a projection), the value at
which a row changes sides is found by bisection over the very numbers that the input's dtype has. So a row can be put on
the last of them that goes one way, and on the first that goes the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from converters.ensembles import Ensemble, find_ensembles
from models import OnnxScorer
from scoring.manifest import Feature, Graph

__all__ = ["Crossing", "find_crossings"]

_OUTPUT: Final = "weir_tree_input"
_SAMPLED: Final = 8
_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)
_MAX_REPEATS: Final = 8

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Rows of which one feature is put around thresholds.

    Attributes:
        feature: the feature's name.
        rows: which base rows, shape [M].
        moved: what the feature becomes in each, shape [M], in its dtype: below, at and above a threshold in turn.
    """

    feature: str
    rows: NDArray[np.int64]
    moved: NDArray[Any]


def find_crossings(
    model: onnx.ModelProto, features: Sequence[Feature], graph: Graph, base: Columns, *, limit: int, seed: int
) -> Iterator[Crossing]:
    """Yields base rows that are pushed to just below, at, and just above the thresholds of the graph's trees.

    Args:
        model: the graph.
        features: the manifest's features; those of numbers are pushed.
        graph: how the graph is fed.
        base: rows to start from, one array a feature, without more rows than the session takes at a time.
        limit: how many rows to yield at most.
        seed: of the choice of base rows.
    """
    rng = np.random.default_rng(seed)
    ensembles = find_ensembles(model)
    for tensor in sorted({ensemble.tensor for ensemble in ensembles}):
        reader = _Reader(model, features, graph, tensor)
        drivers = _drivers(reader, base, rng)
        for ensemble in (each for each in ensembles if each.tensor == tensor):
            yield from _crossings(ensemble, reader, drivers, base, limit=limit // 3 // len(ensembles), rng=rng)


class _Reader:
    """The part of a graph before its trees: what they read, for rows of the graph's inputs."""

    def __init__(self, model: onnx.ModelProto, features: Sequence[Feature], graph: Graph, tensor: str) -> None:
        part = onnx.ModelProto()
        part.CopyFrom(model)
        del part.graph.output[:]
        part.graph.node.append(helper.make_node("Cast", [tensor], [_OUTPUT], "weir_read", to=TensorProto.DOUBLE))
        part.graph.output.append(helper.make_tensor_value_info(_OUTPUT, TensorProto.DOUBLE, [None, None]))
        read = Graph(form=graph.form, input=graph.input, score=_OUTPUT)
        self._scorer = OnnxScorer(part.SerializeToString(), tuple(features), read, source="the graph before its trees")
        self.features = {
            feature.name: feature
            for feature in features
            if feature.dtype in {"float32", "float64", "int64"} and feature.minimum is not None
        }

    def read(self, columns: Columns) -> NDArray[Any]:
        return np.asarray(self._scorer.run(columns).scores)


def _crossings(
    ensemble: Ensemble,
    reader: _Reader,
    drivers: Sequence[Sequence[str]],
    base: Columns,
    *,
    limit: int,
    rng: np.random.Generator,
) -> Iterator[Crossing]:
    inputs = reader.read(base)
    pairs = [pair for pair in ensemble.reached(inputs, rng) if drivers[ensemble.feature[pair[0]]]]
    if not pairs or limit < 1:
        return
    for _ in range(min(_MAX_REPEATS - 1, limit // len(pairs) - 1)):
        pairs += [pair for pair in ensemble.reached(inputs, rng) if drivers[ensemble.feature[pair[0]]]]
    if len(pairs) > limit:
        pairs = [pairs[index] for index in np.linspace(0, len(pairs) - 1, limit).astype(int)]
    chosen = np.array([rng.choice(drivers[ensemble.feature[index]]) for index, _ in pairs], object)
    nodes, rows = np.array(pairs, np.int64).T
    for name in sorted(set(chosen)):
        of_feature = chosen == name
        asked = _Asked(reader, base, reader.features[name], rows[of_feature])
        found, keys = asked.bisect(ensemble.feature[nodes[of_feature]], ensemble.value[nodes[of_feature]])
        around = np.stack([keys - 1, keys, keys + 1], axis=1).ravel()
        yield Crossing(feature=name, rows=np.repeat(rows[of_feature][found], 3), moved=asked.number(around))


def _drivers(reader: _Reader, base: Columns, rng: np.random.Generator) -> list[list[str]]:
    """The features of numbers that move each column which the trees read."""
    count = len(next(iter(base.values())))
    few = {name: column[rng.integers(count, size=_SAMPLED)] for name, column in base.items()}
    drivers: list[list[str]] = [[] for _ in range(reader.read(few).shape[1])]
    for name, feature in reader.features.items():
        low, high = (reader.read(dict(few) | {name: np.full(_SAMPLED, end)}) for end in _ends(feature))
        for column in np.flatnonzero((low != high).any(axis=0)):
            drivers[column].append(name)
    return drivers


def _ends(feature: Feature) -> tuple[Any, Any]:
    """Values of the feature's dtype well below and well above what was seen."""
    low, high = feature.minimum or 0.0, feature.maximum or 0.0
    span = max(high - low, abs(low) / 2, abs(high) / 2, 1.0)
    kind = np.dtype(feature.dtype)
    if kind == np.int64:
        return np.int64(max(low - span, -(2.0**62))), np.int64(min(high + span, 2.0**62))
    bound = _FLOAT32_MAX if kind == np.float32 else np.finfo(np.float64).max
    return kind.type(max(low - span, -bound)), kind.type(min(high + span, bound))


class _Asked:
    """Rows of which one feature is moved."""

    def __init__(self, reader: _Reader, base: Columns, feature: Feature, rows: NDArray[np.int64]) -> None:
        self._reader = reader
        self._feature = feature
        self._columns = {name: column[rows] for name, column in base.items()}
        self._dtype = np.dtype(feature.dtype)

    def bisect(
        self, columns: NDArray[np.int64], thresholds: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which rows cross their threshold, and of those the last key on the lower end's side.

        Args:
            columns: which column of the trees' input each row is asked about, shape [M].
            thresholds: what it is compared with, shape [M].
        """
        count = len(thresholds)
        low, high = (np.repeat(self._key(np.array([end])), count) for end in _ends(self._feature))
        side = self._below(low, columns, thresholds)
        crossing = side != self._below(high, columns, thresholds)
        while (high - low > 1).any():
            middle = (low >> 1) + (high >> 1) + (low & high & 1)
            stays = self._below(middle, columns, thresholds) == side
            low, high = np.where(stays, middle, low), np.where(stays, high, middle)
        return crossing, low[crossing]

    def number(self, keys: NDArray[np.int64]) -> NDArray[Any]:
        """Return the numbers of keys: the whole numbers that count through a dtype's values in their order."""
        if self._dtype == np.int64:
            return keys
        bits = np.int32 if self._dtype == np.float32 else np.int64
        return np.where(keys < 0, keys ^ np.int64(np.iinfo(bits).max), keys).astype(bits).view(self._dtype)

    def _key(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        if self._dtype == np.int64:
            return numbers
        kind = np.int32 if self._dtype == np.float32 else np.int64
        bits = numbers.view(kind).astype(np.int64)
        return np.where(bits < 0, bits ^ np.int64(np.iinfo(kind).max), bits)

    def _below(
        self, keys: NDArray[np.int64], columns: NDArray[np.int64], thresholds: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        read = self._reader.read(self._columns | {self._feature.name: self.number(keys)})
        return np.asarray(read[np.arange(len(keys)), columns] <= thresholds, np.bool_)
