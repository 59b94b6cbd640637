"""The onnxruntime session as a scorer: one thread, certified padding, the same bits at any batch size.

Rules:
- Nothing else in the project imports onnxruntime.
- A session is built after any fork and never crosses one.
- `run` keeps no state between calls, so any number of threads may call it.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state

from models.graph import check_graph
from scoring.columns import Block
from scoring.errors import ManifestError, ModelRefusedError, ScoringError
from scoring.manifest import Dtype, Feature, Graph
from scoring.ports import Scores

__all__ = ["MAX_ROWS", "OnnxScorer", "Provider", "run_raw"]

Provider = Literal["cuda", "cpu"]

_LOG = logging.getLogger(__name__)

MAX_ROWS = 4096  # rows in one call of the session: bounds its memory, and is the largest batch that was certified

_TENSORS: dict[Dtype, str] = {
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    "int64": "tensor(int64)",
    "string": "tensor(string)",
    "bool": "tensor(bool)",
    "text": "tensor(string)",
    "image": "tensor(float)",
    "tensor": "tensor(float)",
}
_PROVIDERS: dict[Provider, str] = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
_SCORES = ("tensor(float)", "tensor(double)")
_LABELS = ("tensor(int64)", "tensor(string)")

# onnxruntime's exceptions share no base class but Exception
_ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)


class OnnxScorer:
    """A graph that is ready to score columns."""

    def __init__(
        self,
        model: bytes,
        features: tuple[Feature, ...],
        graph: Graph,
        *,
        padding: int = 1,
        source: str = "model",
        providers: Sequence[Provider] = ("cpu",),
    ) -> None:
        """Build the session from the very bytes that were checked.

        Args:
            model: the serialised ONNX model.
            features: in the order of the matrix's columns.
            graph: inputs and outputs to use.
            padding: rows to which smaller batches are filled up, from the certificate.
            source: what to call the model in an error, e.g. `fraud:3`.
            providers: what to run it on, best first; what this machine lacks is passed over with a warning.

        Raises:
            ModelRefusedError: the graph is not one that may be run.
            ManifestError: the graph's inputs and outputs are not those that the manifest names, or of other types.
        """
        check_graph(model, source=source)
        self._session = _session(model, source, providers)
        self._features = features
        self._names = tuple(feature.name for feature in features)
        self._graph = graph
        self._padding = padding
        self._outputs = [name for name in (graph.score, graph.label) if name is not None]
        self._ranks = {node.name: len(node.shape) for node in self._session.get_inputs()}
        _check_names(self._session, features, graph, source)
        _check_types(self._session, features, graph, source)

    def run(self, columns: Mapping[str, NDArray[Any]]) -> Scores:
        """Return the scores of all rows, `MAX_ROWS` of them at a time.

        Raises:
            ScoringError: onnxruntime refused the rows.
        """
        rows = len(next(iter(columns.values())))
        parts = [self._run(columns, start, min(start + MAX_ROWS, rows)) for start in range(0, rows, MAX_ROWS)]
        if len(parts) == 1:
            return parts[0]
        labels = [part.labels for part in parts if part.labels is not None]
        return Scores(
            labels=np.concatenate(labels) if labels else None, scores=np.concatenate([part.scores for part in parts])
        )

    def _run(self, columns: Mapping[str, NDArray[Any]], start: int, stop: int) -> Scores:
        rows = stop - start
        part = columns
        if start or rows < self._padding or rows < len(next(iter(columns.values()))):
            part = {name: _padded(column[start:stop], self._padding) for name, column in columns.items()}
        try:
            answers = self._session.run(self._outputs, self._feeds(part))
        except _ORT_ERRORS as error:
            raise ScoringError(_first_line(error)) from error
        fed = max(rows, self._padding)
        for name, answer in zip(self._outputs, answers, strict=True):
            if answer.shape[:1] != (fed,):
                raise ScoringError(f"output {name!r} has the shape {list(answer.shape)} for {fed} rows")
        labels = answers[1][:rows].reshape(rows) if self._graph.label is not None else None
        return Scores(labels=labels, scores=answers[0][:rows])

    def _feeds(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if self._graph.form == "matrix":
            return {str(self._graph.input): self._matrix(columns)}
        return {
            feature.name: column.reshape(-1, 1) if column.ndim == 1 < self._ranks[feature.name] else column
            for feature in self._features
            for column in (columns[feature.name],)
        }

    def _matrix(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        if isinstance(columns, Block) and columns.names == self._names:
            return columns.matrix
        first = columns[self._features[0].name]
        matrix = np.empty((len(first), len(self._features)), first.dtype)
        for index, feature in enumerate(self._features):
            matrix[:, index] = columns[feature.name]
        return matrix


def run_raw(model: bytes, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return all outputs of a graph for raw inputs: for looking at a graph that has no manifest yet.

    Raises:
        ModelRefusedError: the graph is not one that may be run.
        ScoringError: onnxruntime refused the rows.
    """
    check_graph(model, source="graph")
    session = _session(model, "graph")
    try:
        return [np.asarray(output) for output in session.run(None, dict(feeds))]
    except _ORT_ERRORS as error:
        raise ScoringError(_first_line(error)) from error


def _session(model: bytes, source: str, providers: Sequence[Provider] = ("cpu",)) -> ort.InferenceSession:
    options = ort.SessionOptions()
    # one thread: with two, a forest's sums are taken in another order and its last bits differ
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(model, options, providers=_available(providers, source))
    except _ORT_ERRORS as error:
        raise ModelRefusedError(f"{source}: onnxruntime cannot run the graph: {_first_line(error)}") from error


def _available(providers: Sequence[Provider], source: str) -> list[str]:
    """Return onnxruntime's names of the providers that this machine has, the processor always last among them."""
    known = set(ort.get_available_providers())
    wanted = [_PROVIDERS[name] for name in providers if name != "cpu"]
    for name in wanted:
        if name not in known:
            _LOG.warning("%s: onnxruntime has no %s here; the model runs on what comes after it", source, name)
        else:
            _LOG.warning("%s: runs on %s, and its certificate was made on the processor", source, name)
    return [*(name for name in wanted if name in known), _PROVIDERS["cpu"]]


def _check_names(session: ort.InferenceSession, features: tuple[Feature, ...], graph: Graph, source: str) -> None:
    inputs = {node.name for node in session.get_inputs()}
    outputs = {node.name for node in session.get_outputs()}
    fed = {str(graph.input)} if graph.form == "matrix" else {feature.name for feature in features}
    read = {name for name in (graph.score, graph.label) if name is not None}
    if fed != inputs:
        raise ManifestError(
            f"{source}: the manifest feeds {sorted(fed - inputs)}, the graph wants {sorted(inputs - fed)}"
        )
    if not read <= outputs:
        raise ManifestError(f"{source}: the graph has the outputs {sorted(outputs)}, not {sorted(read - outputs)}")


def _check_types(session: ort.InferenceSession, features: tuple[Feature, ...], graph: Graph, source: str) -> None:
    for node in session.get_inputs():
        feature = features[0] if graph.form == "matrix" else next(each for each in features if each.name == node.name)
        if node.type != _TENSORS[feature.dtype]:
            raise ManifestError(
                f"{source}: the manifest feeds {_TENSORS[feature.dtype]} to {node.name!r}, the graph wants {node.type}"
            )
    for node in session.get_outputs():
        expected = {graph.score: _SCORES, graph.label: _LABELS}.get(node.name)
        if expected is not None and node.type not in expected:
            raise ManifestError(f"{source}: output {node.name!r} is {node.type}; expected {' or '.join(expected)}")


def _padded(column: NDArray[Any], padding: int) -> NDArray[Any]:
    missing = padding - len(column)
    return column if missing <= 0 else np.concatenate([column, np.repeat(column[-1:], missing, axis=0)])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
