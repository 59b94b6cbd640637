"""A new model's manifest before the store numbers it: what was found of the model, and what was said of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import onnx

from converters.draft import find_commit, find_opset
from models import Store
from scoring.manifest import Lineage, Manifest, parse_manifest
from scoring.schema import event_schema

__all__ = ["Described", "describe", "draft_manifest"]

Described = Mapping[str, Any]


def describe(
    store: Store,
    name: str,
    *,
    data_sets: Mapping[str, str],
    tags: Mapping[str, str] | None,
    properties: Mapping[str, float | int | str] | None,
    run_id: str | None,
) -> Described:
    """Returns what is said of a model rather than found in it: its name, tags, properties and lineage.

    Args:
        store: where it is going, and where the version is that it replaces: the champion, or else the newest.
        name: the model's name there.
        data_sets: name and SHA-256 of what it was made from.
        tags: words of the caller's own.
        properties: metrics and other facts.
        run_id: of the training run.
    """
    versions = store.versions(name)
    replaced = store.aliases(name).get("champion", versions[-1]) if versions else None
    lineage = Lineage(data_sets=dict(data_sets), run_id=run_id, commit=find_commit(), parent_version=replaced)
    return {"name": name, "tags": dict(tags or {}), "properties": dict(properties or {}), "lineage": lineage}


def draft_manifest(model: onnx.ModelProto, described: Described, **found: Any) -> tuple[Manifest, bytes]:
    """Returns the manifest of a graph, without a certificate, and the bytes that it is the manifest of.

    Args:
        model: the graph.
        described: as `describe` returns it.
        **found: the manifest's task, features, event_id, graph, outputs and libraries.

    Raises:
        ManifestError: it is none that can be served.
    """
    serialised = model.SerializeToString(deterministic=True)
    manifest = parse_manifest(
        {
            "version": 1,  # the store gives it the next free one
            "opset": find_opset(model),
            "digest": sha256(serialised).hexdigest(),
            "created": datetime.now(UTC),
            **found,
            **described,
        },
        source=f"the manifest of {described['name']}",
    )
    event_schema(manifest)  # paths that contradict each other are refused here, and not when it is served
    return manifest, serialised
