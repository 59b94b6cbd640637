"""The manifest: everything about a model that is not in its graph."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from scoring.certificate import Certificate
from scoring.errors import ManifestError
from scoring.outcomes import Label
from scoring.validation import in_words

__all__ = ["Baseline", "Dtype", "Feature", "Graph", "Lineage", "Manifest", "Outputs", "Task", "parse_manifest"]

Dtype = Literal["float32", "float64", "int64", "string", "bool", "text", "image", "tensor"]
Task = Literal["binary", "multiclass", "regression", "outlier"]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# msgspec finds a key by its bytes in the event, so none may be one that JSON must escape
Key = Annotated[str, StringConstraints(pattern=r'^[^"\\\x00-\x1f]+$', max_length=256)]
Path = Annotated[tuple[Key, ...], Field(min_length=1, max_length=16)]

_NULLABLE: frozenset[Dtype] = frozenset({"float32", "float64", "string", "text"})
_SHAPED: frozenset[Dtype] = frozenset({"image", "tensor"})
_TEXTUAL: frozenset[Dtype] = frozenset({"string", "text"})
_CHANNELS = frozenset({1, 3, 4})
_MAX_CELLS = 16_777_216


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Baseline(_Frozen):
    """How a feature or the score was distributed in training, for measuring drift.

    Attributes:
        edges: bin edges, ascending (numbers only); the first and last bins are open, and what equals an edge is in the
            bin below it.
        counts: rows in each bin, or for each of the categories; the last one counts all other categories.
        nulls: rows without a value.
    """

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...]
    nulls: int = 0


class Feature(_Frozen):
    """One feature: where it stands in the event and what may stand there.

    Attributes:
        name: the graph's input, or the column's name in the single-matrix form.
        path: keys from the event's root to the value.
        dtype: what the graph is fed. A string is a category, a text is free text, an image is base64 of a PNG or JPEG,
            a tensor is nested lists of numbers.
        shape: of an image ([channels, height, width]) or a tensor.
        nullable: whether the value may be null or absent. A number is then NaN, a string the empty string.
        max_length: the longest string accepted, in characters.
        minimum: smallest value seen in training; kept for documents and drift, never a reason to reject.
        maximum: largest value seen in training.
        categories: strings seen in training.
        baseline: the training distribution.
    """

    name: Annotated[str, Field(min_length=1, max_length=256)]
    path: Path
    dtype: Dtype
    shape: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    nullable: bool = False
    max_length: Annotated[int, Field(ge=1, le=1_048_576)] = 256
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    baseline: Baseline | None = None

    @property
    def dotted(self) -> str:
        """The path as people write it."""
        return ".".join(self.path)

    @property
    def textual(self) -> bool:
        """Whether the graph is fed strings."""
        return self.dtype in _TEXTUAL

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.nullable and self.dtype not in _NULLABLE:
            raise ValueError(f"feature {self.name}: {self.dtype} has no null; use float32 or float64")
        if (self.shape is not None) != (self.dtype in _SHAPED):
            raise ValueError(f"feature {self.name}: image and tensor have a shape, {self.dtype} with {self.shape}")
        if self.dtype == "image" and len(self.shape or ()) != 3:  # noqa: PLR2004 - channels, height, width
            raise ValueError(f"feature {self.name}: an image's shape is [channels, height, width], not {self.shape}")
        if self.dtype == "image" and self.shape and self.shape[0] not in _CHANNELS:
            raise ValueError(f"feature {self.name}: an image has 1, 3 or 4 channels, not {self.shape[0]}")
        cells = 1
        for size in self.shape or ():
            cells *= size
        if cells > _MAX_CELLS:
            raise ValueError(f"feature {self.name}: {cells} cells; at most {_MAX_CELLS}")
        return self


class Graph(_Frozen):
    """How the graph is fed and what is read from it.

    Attributes:
        form: `columns` feeds one input a feature; `matrix` feeds all features, in their order, as one input.
        input: the matrix's input name (matrix only).
        label: output with the decisions, where there is one.
        score: output with probabilities, values or anomaly scores.
    """

    form: Literal["columns", "matrix"]
    input: str | None = None
    label: str | None = None
    score: str


class Outputs(_Frozen):
    """What the scores mean.

    Attributes:
        labels: classes in the order of the probabilities' columns; empty for a regression.
        positive: the class whose probability is the score (binary).
        threshold: the score from which the positive label is given; where None the graph's own decision stands.
        top_k: how many labels a multiclass prediction lists.
        baseline: how the scores that predictions carry were distributed when it was converted.
    """

    labels: tuple[Label, ...] = ()
    positive: Label | None = None
    threshold: float | None = None
    top_k: Annotated[int, Field(ge=1, le=1000)] = 5
    baseline: Baseline | None = None


class Lineage(_Frozen):
    """Where the model came from: data sets with their SHA-256, the run, the commit, the version it replaces."""

    data_sets: dict[str, str] = {}
    run_id: str | None = None
    commit: str | None = None
    parent_version: int | None = None


class Manifest(_Frozen):
    """A model's manifest, `manifest.json` in the store."""

    name: ModelName
    version: Annotated[int, Field(ge=1)]
    task: Task
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=10_000)]
    event_id: Path | None = None
    graph: Graph
    outputs: Outputs
    opset: dict[str, int]
    libraries: dict[str, str] = {}
    digest: Digest
    created: AwareDatetime
    tags: dict[str, str] = {}
    properties: dict[str, float | int | str] = {}
    lineage: Lineage = Lineage()
    certificate: Certificate | None = None

    @property
    def reference(self) -> str:
        """`name:version`, as the command line takes it."""
        return f"{self.name}:{self.version}"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [feature.name for feature in self.features]
        if len(set(names)) < len(names):
            raise ValueError(f"feature names must differ: {sorted({n for n in names if names.count(n) > 1})}")
        if self.graph.form == "matrix":
            self._check_matrix()
        if self.task == "binary" and (len(self.outputs.labels) != 2 or self.outputs.positive is None):  # noqa: PLR2004
            raise ValueError(f"a binary model has two labels and a positive one, not {self.outputs.labels}")
        if self.task == "multiclass" and len(self.outputs.labels) < 2:  # noqa: PLR2004 - one label is no decision
            raise ValueError(f"a multiclass model has two labels or more, not {self.outputs.labels}")
        if len(set(self.outputs.labels)) < len(self.outputs.labels):
            raise ValueError(f"outputs.labels must differ: {self.outputs.labels}")
        if self.outputs.positive is not None and self.outputs.positive not in self.outputs.labels:
            raise ValueError(f"outputs.positive {self.outputs.positive!r} is none of {self.outputs.labels}")
        if self.outputs.threshold is not None and self.task != "binary":
            raise ValueError(f"outputs.threshold decides between two labels; a {self.task} model has none")
        return self

    def _check_matrix(self) -> None:
        kinds = {feature.dtype for feature in self.features}
        if self.graph.input is None:
            raise ValueError("graph.input must name the matrix's input")
        if len(kinds) > 1 or kinds & _SHAPED:
            raise ValueError(f"one matrix holds features of one plain dtype, not {sorted(kinds)}")


def parse_manifest(text: bytes | Mapping[str, object], *, source: str) -> Manifest:
    """Return the manifest in `text`.

    Args:
        text: JSON, or the mapping that it would decode to.
        source: what to call it in an error, e.g. the file's path.

    Raises:
        ManifestError: names each field that is wrong, its value and what was expected.
    """
    try:
        if isinstance(text, Mapping):
            return Manifest.model_validate(text)
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ManifestError(f"{source}: {in_words(error)}") from error
