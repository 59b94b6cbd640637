"""A store with models to compare, small graphs written by hand, and archives to compare them on."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

from models import LocalStore
from scoring import Event, Feature, Graph, Manifest, Outputs, Position
from scoring.decode import MAX_EVENT_BYTES
from stream_worker.replay import archive
from stream_worker.replay.backtest.running import BackTest
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.job import ServedModel
from stream_worker.replay.limits import Limits
from stream_worker.replay.records import Group
from stream_worker.replay.selection import Selection
from tests.models.graphs import CERTIFICATE, FLOAT, model_bytes, value

__all__ = ["MODELS", "Stage", "events", "groups", "lines"]

MODELS = {
    # the challenger takes a feature more, and decides from another threshold on
    "fraud": ({"amount": 0.05}, -4.0, 0.5),
    "fraud2": ({"amount": 0.05, "hour": -0.1}, -3.0, 0.4),
}


def logistic(weights: dict[str, float], bias: float) -> bytes:
    """A graph that answers the logistic function of a weighted sum."""
    nodes = [helper.make_node("Mul", [name, f"{name}_weight"], [f"{name}_part"]) for name in weights]
    parts = [f"{name}_part" for name in weights]
    nodes.append(helper.make_node("Sum", [*parts, "bias"], ["sum"]))
    nodes.append(helper.make_node("Sigmoid", ["sum"], ["score"]))
    constants = {f"{name}_weight": np.float32(weight) for name, weight in weights.items()}
    inputs = [value(name, FLOAT, [None, 1]) for name in weights]
    outputs = [value("score", FLOAT, [None, 1])]
    return model_bytes(nodes, inputs, outputs, bias=np.array([[bias]], np.float32), **constants)


def described(model: bytes, features: Sequence[str], threshold: float, **more: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": "fraud",
        "version": 1,
        "task": "binary",
        "features": [Feature(name=name, path=(name,), dtype="float32") for name in features],
        "event_id": ("id",),
        "graph": Graph(form="columns", score="score"),
        "outputs": Outputs(labels=(0, 1), positive=1, threshold=threshold),
        "opset": {"": 17},
        "digest": sha256(model).hexdigest(),
        "created": "2026-01-01T00:00:00Z",
        "certificate": CERTIFICATE,
    }
    return Manifest.model_validate(fields | more)


def events(count: int, *, seed: int = 0, hub: str = "payments") -> list[Event]:
    """Payments with a truth in them; of every hundred one has no hour and one no amount."""
    random = np.random.default_rng(seed)
    amounts, hours, drawn = random.gamma(2, 40, count), random.integers(0, 24, count), random.random(count)
    found = []
    for number, (amount, hour, chance) in enumerate(zip(amounts, hours, drawn, strict=True)):
        is_fraud = chance < 1 / (1 + np.exp(3.5 - 0.05 * amount + 0.08 * hour))
        fields = {
            "id": f"tx-{number}",
            "amount": round(amount, 2),
            "hour": int(hour),
            "truth": {"fraud": bool(is_fraud)},
        }
        fields = {
            name: each for name, each in fields.items() if (name, number % 100) not in {("hour", 7), ("amount", 9)}
        }
        found.append(Event(json.dumps(fields).encode(), position=Position(hub, number % 2, number // 2), time=number))
    return found


def lines(folder: Path, name: str = "events.jsonl", count: int = 1000, **more: Any) -> Path:
    """Write payments as JSON Lines."""
    path = folder / name
    path.write_bytes(b"".join((event.value or b"") + b"\n" for event in events(count, **more)))
    return path


class Stage:
    """A folder with a store of two models, `fraud:1` and `fraud:2`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = LocalStore(folder / "store")
        for weights, bias, threshold in MODELS.values():
            model = logistic(weights, bias)
            self.store.add(described(model, list(weights), threshold), model)
        self.store.set_alias("fraud", "champion", 1)
        self.store.set_alias("fraud", "challenger", 2)

    def served(self, version: int, name: str = "fraud") -> ServedModel:
        return ServedModel(
            store=self.folder / "store",
            name=name,
            version=version,
            allow_uncertified=False,
            providers=("cpu",),
            max_event_bytes=MAX_EVENT_BYTES,
        )

    def test(self, **more: Any) -> BackTest:
        fields: dict[str, Any] = {
            "champion": self.served(1),
            "challenger": self.served(2),
            "storage": StorageOptions(),
            "limits": Limits(),
            "selection": Selection(),
            "output": str(self.folder / "out"),
        }
        return BackTest(**(fields | more))


def groups(*paths: Path, **more: Any) -> Sequence[Group]:
    """The groups of an archive."""
    return archive.plan([str(path) for path in paths], **more).groups
