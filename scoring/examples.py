"""Values that a model takes, made up from its manifest: for its documents, and to try it on."""

import base64
import io
import json
from typing import Any

from PIL import Image

from scoring.manifest import Feature, Manifest

__all__ = ["example_event", "example_record", "example_row"]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def example_event(manifest: Manifest) -> bytes:
    """Return the JSON of an event with every feature, its values in the middle of what training saw."""
    event: dict[str, Any] = {}
    for feature in manifest.features:
        _put(event, feature.path, _example(feature))
    if manifest.event_id is not None:
        _put(event, manifest.event_id, "example-1")
    return json.dumps(event, ensure_ascii=False).encode()


def example_record(manifest: Manifest) -> dict[str, Any]:
    """Return the same values flat, by the features' names."""
    return {feature.name: _example(feature) for feature in manifest.features}


def example_row(manifest: Manifest) -> list[Any]:
    """Return the same values in the features' order."""
    return list(map(_example, manifest.features))


def _put(event: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        event = event.setdefault(key, {})
    event[path[-1]] = value


def _example(feature: Feature) -> Any:
    if feature.textual:
        return (feature.categories or ("example",))[0][: feature.max_length]
    if feature.dtype == "image":
        return _blank_image(feature.shape or ())
    if feature.dtype == "tensor":
        return _zeros(feature.shape or ())
    middle = ((feature.minimum or 0.0) + (feature.maximum or 0.0)) / 2
    if feature.dtype == "int64":
        return int(middle)
    return False if feature.dtype == "bool" else _readable(middle, feature)


def _readable(number: float, feature: Feature) -> float:
    """Return the number in few digits, where those keep it within what training saw."""
    short = float(f"{number:.4g}")
    low, high = feature.minimum or 0.0, feature.maximum or 0.0
    return short if min(low, high) <= short <= max(low, high) else number


def _zeros(shape: tuple[int, ...]) -> Any:
    return [_zeros(shape[1:]) for _ in range(shape[0])] if shape else 0.0


def _blank_image(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    file = io.BytesIO()
    Image.new(_MODES[channels], (width, height)).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()
