"""Manifests, events and images that the tests are written with."""

import base64
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from scoring import Event, Feature, Graph, Manifest, Outputs, Pipeline, Position, Rejected, encode

DIGEST = "0123456789abcdef" * 4


def feature(name: str, dtype: str = "float32", **more: Any) -> Feature:
    """A feature that stands at the event's root under its own name, unless told otherwise."""
    return Feature.model_validate({"name": name, "path": (name,), "dtype": dtype} | more)


def manifest(*features: Feature, task: str = "regression", outputs: Outputs | None = None, **more: Any) -> Manifest:
    labels = {
        "binary": Outputs(labels=("no", "yes"), positive="yes"),
        "multiclass": Outputs(labels=("a", "b", "c")),
    }
    fields: dict[str, Any] = {
        "name": "model",
        "version": 1,
        "task": task,
        "features": features or (feature("x"),),
        "graph": Graph(form="columns", score="score"),
        "outputs": outputs or labels.get(task, Outputs()),
        "opset": {"": 17},
        "digest": DIGEST,
        "created": datetime(2024, 5, 1, tzinfo=UTC),
    }
    return Manifest.model_validate(fields | more)


def event(*, offset: int | None = None, **fields: Any) -> Event:
    position = None if offset is None else Position("topic", 0, offset)
    return Event(json.dumps(fields).encode(), position=position)


def published(pipeline: Pipeline, events: Sequence[Event]) -> list[bytes | Rejected]:
    """The bytes of each prediction, and each rejection as it is."""
    return [
        outcome if isinstance(outcome, Rejected) else encode([outcome])[0] for outcome in pipeline.score(list(events))
    ]


def image_bytes(image: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()
