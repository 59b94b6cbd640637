"""JSON Schemas of what a model takes: its features by name, in order, and where an event has them.

Only what is enforced is written as a constraint. What training saw is told in words: other values are scored too.
"""

from typing import Any, Final

from scoring import Feature, Manifest

__all__ = ["Schema", "event_schema", "record_schema", "row_schema", "value_schema"]

Schema = dict[str, Any]

_FLOAT32 = 3.4028234663852886e38
_FLOAT64 = 1.7976931348623157e308
_IMAGE_TEXT = 8 * 1_048_576
_EVENT_ID_LENGTH = 256
_INT64: Final[Schema] = {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}
_SCALARS: Final[dict[str, Schema]] = {
    "float32": {"type": "number", "format": "float", "minimum": -_FLOAT32, "maximum": _FLOAT32},
    "float64": {"type": "number", "format": "double", "minimum": -_FLOAT64, "maximum": _FLOAT64},
    "int64": _INT64,
    "bool": {"type": "boolean"},
}
_SHOWN = 20  # categories


def value_schema(feature: Feature, example: Any) -> Schema:
    """Return the schema of a feature's value, with what is known of it in words and a value to show."""
    schema = _type(feature)
    words = _words(feature)
    if words:
        schema["description"] = words
    if feature.categories:
        schema["examples"] = [text[: feature.max_length] for text in feature.categories[:_SHOWN]]
    elif not feature.shape:
        schema["examples"] = [example]
    return schema


def record_schema(manifest: Manifest, example: dict[str, Any]) -> Schema:
    """Return the schema of a flat object with the features by their names."""
    properties = {feature.name: value_schema(feature, example[feature.name]) for feature in manifest.features}
    required = [feature.name for feature in manifest.features if not feature.nullable]
    return _object(properties, required) | {"description": "One row: the features by name. Other fields are ignored."}


def row_schema(manifest: Manifest) -> Schema:
    """Return the schema of an array with the features in the manifest's order."""
    count = len(manifest.features)
    places = [{"title": feature.name} | _type(feature) for feature in manifest.features]
    return {
        "type": "array",
        "description": "One row: the features in the model's order.",
        "prefixItems": places,
        "minItems": count,
        "maxItems": count,
    }


def event_schema(manifest: Manifest, example: dict[str, Any]) -> Schema:
    """Return the schema of an event: the features where the manifest's paths say."""
    root: Schema = {"type": "object", "properties": {}}
    leaves: list[tuple[tuple[str, ...], Schema, bool]] = [
        (feature.path, value_schema(feature, _at(example, feature.path)), feature.nullable)
        for feature in manifest.features
    ]
    if manifest.event_id is not None:
        leaves.append((manifest.event_id, _event_id(), False))
    for path, schema, optional in leaves:
        _plant(root, path, schema, optional=optional)
    return root | {"description": "One event, as on the stream. Other fields are ignored."}


def _plant(node: Schema, path: tuple[str, ...], schema: Schema, *, optional: bool) -> None:
    """Put a value's schema at the end of a path; what leads to a value that must be there must be there too."""
    for key in path[:-1]:
        if not optional:
            _require(node, key)
        node = node["properties"].setdefault(key, {"type": ["object", "null"], "properties": {}})
        if not optional:
            node["type"] = "object"
    node["properties"][path[-1]] = schema
    if not optional:
        _require(node, path[-1])


def _require(node: Schema, key: str) -> None:
    required = node.setdefault("required", [])
    if key not in required:
        required.append(key)


def _at(event: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        event = event[key]
    return event


def _event_id() -> Schema:
    return {
        "description": "The event's own identifier: the same id gives the same prediction_id.",
        "anyOf": [{"type": "string", "minLength": 1, "maxLength": _EVENT_ID_LENGTH}, dict(_INT64)],
        "examples": ["example-1"],
    }


def _type(feature: Feature) -> Schema:
    schema = _plain_type(feature)
    return schema | {"type": [schema["type"], "null"]} if feature.nullable else schema


def _plain_type(feature: Feature) -> Schema:
    if feature.textual:
        return {"type": "string", "maxLength": feature.max_length}
    if feature.dtype == "image":
        return {"type": "string", "contentEncoding": "base64", "maxLength": _IMAGE_TEXT}
    if feature.dtype == "tensor":
        schema = dict(_SCALARS["float32"])
        for size in reversed(feature.shape or ()):
            schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
        return schema
    return dict(_SCALARS[feature.dtype])


def _words(feature: Feature) -> str:
    parts = []
    if feature.dtype == "image":
        channels, height, width = feature.shape or ()
        kind = {1: "grey", 3: "RGB", 4: "RGBA"}[channels]
        parts.append(f"Base64 of a PNG or JPEG; it is made {kind}, {width} by {height} pixels.")
    if feature.dtype == "text":
        parts.append("Free text.")
    if feature.minimum is not None and feature.maximum is not None:
        parts.append(f"Training saw {feature.minimum:g} to {feature.maximum:g}; other values are scored too.")
    if feature.categories:
        more = len(feature.categories) - _SHOWN
        shown = ", ".join(feature.categories[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        parts.append(f"Training saw {shown}.")
    if feature.nullable:
        parts.append("May be null or absent.")
    return " ".join(parts)


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})
