"""The msgspec structs that an event must fit, built from a manifest.

A manifest's paths form a tree. Each object on the way becomes one struct; each feature becomes one of its fields. The
leaves of a struct are found again by position, so that whole batches can be turned into columns by C functions alone.

A model takes its features in three forms: an event has each where the manifest's path says; a record has them by name,
flat; a row has them in the manifest's order, without names. Records and rows are what people type into a request.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from scoring.errors import ManifestError
from scoring.manifest import Feature, Manifest

__all__ = ["EVENT_ID_LENGTH", "Group", "event_schema", "record_schema", "row_schema"]

EVENT_ID_LENGTH = 256
_INT64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_EVENT_ID = Annotated[str, Meta(min_length=1, max_length=EVENT_ID_LENGTH)] | _INT64
_IMAGE_TEXT = 8 * 1_048_576
_SCALARS: dict[str, Any] = {"float32": float, "float64": float, "int64": _INT64, "bool": bool}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One object of the event.

    Attributes:
        struct: the struct that msgspec decodes it to.
        members: what each of the struct's fields holds, in order: a feature, the event id (None), or a nested group.
        absent: stands in for the object where it is null or absent, which it may be when all that it holds may be.
    """

    struct: type[msgspec.Struct]
    members: tuple["Feature | Group | None", ...]
    absent: msgspec.Struct | None


@dataclass(slots=True)
class _Node:
    """A group while it is being collected."""

    leaves: dict[str, Feature | None] = field(default_factory=dict)
    groups: dict[str, "_Node"] = field(default_factory=dict)


def event_schema(manifest: Manifest) -> Group:
    """Return the root group of the structs that an event must fit.

    Raises:
        ManifestError: two paths are equal, or one leads through another's value.
    """
    root = _Node()
    for feature in manifest.features:
        _plant(root, feature.path, feature)
    if manifest.event_id is not None:
        _plant(root, manifest.event_id, None)
    return _group(root, is_root=True)


def record_schema(manifest: Manifest) -> Group:
    """Return the group of a flat object with the features by their names."""
    root = _Node()
    for feature in manifest.features:
        _plant(root, (feature.name,), feature)
    return _group(root, is_root=True)


def row_schema(manifest: Manifest) -> Group:
    """Return the group of an array with the features in the manifest's order."""
    fields = [
        (f"field_{index}", _leaf_type(feature) | None if feature.nullable else _leaf_type(feature))
        for index, feature in enumerate(manifest.features)
    ]
    struct = msgspec.defstruct("row", fields, array_like=True, forbid_unknown_fields=True, gc=False)
    return Group(struct=struct, members=manifest.features, absent=None)


def _plant(root: _Node, path: tuple[str, ...], feature: Feature | None) -> None:
    node = root
    for key in path[:-1]:
        if key in node.leaves:
            raise ManifestError(f"path {'.'.join(path)} leads through the value at {key!r}")
        node = node.groups.setdefault(key, _Node())
    if path[-1] in node.leaves or path[-1] in node.groups:
        raise ManifestError(f"path {'.'.join(path)} stands in the manifest twice, or leads to another feature's object")
    node.leaves[path[-1]] = feature


def _group(node: _Node, *, is_root: bool = False) -> Group:
    fields: list[tuple[str, Any, Any]] = []
    members: list[Feature | Group | None] = []
    for key, feature in node.leaves.items():
        optional = feature is not None and feature.nullable
        fields.append(_struct_field(len(fields), key, _leaf_type(feature), optional=optional))
        members.append(feature)
    for key, child in node.groups.items():
        group = _group(child)
        fields.append(_struct_field(len(fields), key, group.struct, optional=group.absent is not None))
        members.append(group)
    optional = not is_root and all(_may_be_absent(member) for member in members)
    struct = msgspec.defstruct("object", fields, kw_only=True, gc=False)
    return Group(struct=struct, members=tuple(members), absent=struct() if optional else None)


def _may_be_absent(member: Feature | Group | None) -> bool:
    if isinstance(member, Group):
        return member.absent is not None
    return member is not None and member.nullable


def _struct_field(index: int, key: str, kind: Any, *, optional: bool) -> tuple[str, Any, Any]:
    name = f"field_{index}"  # keys are anything, Python names are not
    if optional:
        return name, kind | None, msgspec.field(name=key, default=None)
    return name, kind, msgspec.field(name=key)


def _leaf_type(feature: Feature | None) -> Any:
    if feature is None:
        return _EVENT_ID
    if feature.dtype == "tensor":
        kind: Any = float
        for size in reversed(feature.shape or ()):
            kind = Annotated[list[kind], Meta(min_length=size, max_length=size)]
        return kind
    if feature.dtype == "image":
        return Annotated[str, Meta(max_length=_IMAGE_TEXT)]
    if feature.textual:
        return Annotated[str, Meta(max_length=feature.max_length)]
    return _SCALARS[feature.dtype]
