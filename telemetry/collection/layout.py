"""What is collected of one model: which features, which of them hashed, and what the columns are called.

Rules:
- A field of the event is sensitive wherever it is used: as a feature, as two, or as the event's id.
- A feature's column has the feature's name and the event id's that of its field, so that a replay finds them.
  A column of the prediction that is called the same steps aside.
- A prediction's id is a hash without a key, of the event's id, of its position, or of all its bytes: where something
  sensitive is among these, the id is hashed as well, for else it could be found by trying.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from scoring import Feature, Manifest
from telemetry.collection.settings import CollectionSettings

__all__ = ["OWN", "Layout", "Own", "layout_of"]

Own = Literal["prediction_id", "model", "digest", "label", "score", "scores", "time", "stream", "partition", "offset"]

OWN: tuple[Own, ...] = (
    "prediction_id", "model", "digest", "label", "score", "scores", "time", "stream", "partition", "offset",
)  # fmt: skip
"""The columns that are no feature."""

_LARGE = frozenset({"image", "tensor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is collected of one model.

    Attributes:
        features: those that have a column.
        event_id: the column with the event's own id; None where there is none, or a feature's holds the same.
        hashed: the columns of these two kinds that hold hashes.
        own: what each column of the prediction is called.
        hides_ids: whether a prediction's id tells of something sensitive where it is made of the event's own id.
        hides_bytes: whether it does where it is made of the whole event.
    """

    features: tuple[Feature, ...]
    event_id: str | None
    hashed: frozenset[str]
    own: Mapping[Own, str]
    hides_ids: bool
    hides_bytes: bool


def layout_of(manifest: Manifest, settings: CollectionSettings) -> Layout:
    """Return what the settings let through of a model."""
    sensitive = _paths(manifest, settings.sensitive)
    wanted = _paths(manifest, settings.columns)
    features = tuple(
        feature
        for feature in manifest.features
        if (feature.path in wanted if settings.columns else feature.dtype not in _LARGE)
    )
    names = {feature.name for feature in features}
    id_path = manifest.event_id
    has_id = id_path is not None and (not settings.columns or id_path in wanted)
    event_id = ".".join(id_path) if id_path is not None and has_id else None
    if event_id in names:
        event_id = None
    hashed = {feature.name for feature in features if feature.path in sensitive}
    if event_id is not None and id_path in sensitive:
        hashed.add(event_id)
    return Layout(
        features=features,
        event_id=event_id,
        hashed=frozenset(hashed),
        own=_apart(names if event_id is None else names | {event_id}),
        hides_ids=id_path in sensitive,
        hides_bytes=bool(sensitive),
    )


def _paths(manifest: Manifest, names: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the places in the event that names mean: of features, by name or path, and of the event's id."""
    asked = set(names)
    paths: set[tuple[str, ...]] = {
        feature.path for feature in manifest.features if feature.name in asked or feature.dotted in asked
    }
    if manifest.event_id is not None and ".".join(manifest.event_id) in asked:
        paths.add(manifest.event_id)
    return paths


def _apart(taken: set[str]) -> dict[Own, str]:
    used, names = set(taken), {}
    for own in OWN:
        name: str = own
        while name in used:
            name += "_"
        used.add(name)
        names[own] = name
    return names
