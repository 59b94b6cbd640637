"""What two models and the labels need of a Parquet file, read in one go: as if one model took the features of both."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from scoring import Dtype, Feature, Manifest
from scoring.errors import ConfigurationError
from stream_worker.replay.files import FAILURES
from stream_worker.replay.footers import FooterError, read_footer

__all__ = ["DAMAGES", "disagreement", "for_both", "label_feature", "schema_of"]

DAMAGES: tuple[type[Exception], ...] = (*FAILURES, pa.ArrowException, FooterError)
"""What reading a Parquet file raises."""

_NUMBERS = frozenset({"float32", "float64", "int64"})


def for_both(champion: Manifest, challenger: Manifest, label: Feature | None = None) -> Manifest:
    """Return a manifest that names the features of both models, and the label's column as one more.

    It is for reading alone: each model checks the cells itself.
    """
    features = {feature.name: feature for feature in champion.features}
    for feature in challenger.features:
        known = features.get(feature.name)
        features[feature.name] = feature if known is None else _shared(known, feature)
    if label is not None:
        features.setdefault(label.name, label)
    event_id = champion.event_id or challenger.event_id
    return champion.model_copy(update={"features": tuple(features.values()), "event_id": event_id})


def disagreement(champion: Manifest, challenger: Manifest) -> str | None:
    """Return in words why no column can serve both models; None where each can."""
    known = {feature.name: feature for feature in champion.features}
    for feature in challenger.features:
        one = known.get(feature.name, feature)
        if one.path != feature.path:
            return (
                f"{champion.reference} takes {one.name} from {one.dotted} and {challenger.reference} from "
                f"{feature.dotted}: columns cannot serve both; compare them on an archive of events"
            )
    return None


def label_feature(label: str, schema: Any) -> Feature | None:
    """Return the column with the labels as a feature; None where a file has none.

    Args:
        label: the column's name.
        schema: Arrow's, of the file.

    Raises:
        ConfigurationError: it is of a type that no label has.
    """
    if label not in schema.names:
        return None
    kind = schema.field(label).type
    return Feature.model_construct(name=label, path=(label,), dtype=_dtype(label, kind), nullable=True)


def schema_of(source: BinaryIO) -> pa.Schema:
    """Return the columns of a Parquet file."""
    read_footer(source)  # a damaged one can make pyarrow end the process
    return pq.read_schema(source)


def _dtype(label: str, kind: Any) -> Dtype:
    kinds: Sequence[tuple[Any, Dtype]] = (
        (types.is_boolean, "bool"),
        (types.is_integer, "int64"),
        (types.is_floating, "float64"),
        (types.is_string, "string"),
        (types.is_large_string, "string"),
        (types.is_dictionary, "string"),
        (types.is_null, "float64"),
    )
    found = next((dtype for fits, dtype in kinds if fits(kind)), None)
    if found is None:
        raise ConfigurationError(f"--label {label}: the column is {kind}; expected labels as text, numbers or booleans")
    return found


def _shared(one: Feature, other: Feature) -> Feature:
    is_number = {one.dtype, other.dtype} <= _NUMBERS and one.dtype != other.dtype
    changes = {"dtype": "float64"} if is_number else {}  # it takes every column that either takes
    return one.model_copy(update={"nullable": one.nullable and other.nullable, **changes})
