"""Tables, and models on their way: everything that `convert` has in hand before it certifies."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import onnx
import pandas as pd

from converters.certify import certify
from converters.draft import build_graph, find_opset, find_outputs, find_task
from converters.features import Columns, describe_features
from converters.layout import Layout, plan_layout
from scoring import Manifest


class Draft(NamedTuple):
    estimator: object
    layout: Layout
    model: onnx.ModelProto
    manifest: Manifest
    rows: pd.DataFrame

    def certify(self, model=None, rows=None, **options):
        rows = self.rows if rows is None else rows
        return certify(self.estimator, self.layout, model or self.model, self.manifest, rows, **options)


def draft(estimator, rows, *, columns=None, positive=None, threshold=None):
    columns = columns or Columns()
    layout = plan_layout(estimator, list(rows.columns), excluded=columns.excluded(rows))
    features = describe_features(estimator, layout, columns, rows, rows)
    task = find_task(estimator)
    model, graph = build_graph(estimator, features)
    manifest = Manifest(
        name="drafted",
        version=1,
        task=task,
        features=features,
        graph=graph,
        outputs=find_outputs(estimator, task, positive=positive, threshold=threshold, top_k=5),
        opset=find_opset(model),
        digest=sha256(model.SerializeToString(deterministic=True)).hexdigest(),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Draft(estimator, layout, model, manifest, rows)


def payments(count=600, seed=0):
    """Mixed columns with nulls; `fraud` depends on all of them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "amount": rng.gamma(2, 50, count).round(2),
            "age": rng.integers(18, 90, count),
            "risk": rng.normal(size=count),
            "country": rng.choice(["DE", "FR", "NL", "PL"], count),
            "channel": rng.choice(["web", "pos"], count),
            "vip": rng.random(count) < 0.2,
        }
    )
    table["fraud"] = (
        ((table["amount"] > 100) & (table["country"] != "DE"))
        | (table["risk"] > 1)
        | (table["vip"] & (table["age"] < 30))
    ).astype(int)
    table.loc[rng.random(count) < 0.1, "risk"] = np.nan
    table.loc[rng.random(count) < 0.1, "country"] = np.nan
    return table


def exact(rows):
    """The same table with numbers that float32 holds."""
    wide = rows.select_dtypes("float64")
    return rows.assign(**wide.astype(np.float32).astype(np.float64))


def numbers(count=600, columns=4, seed=0):
    """Standard normal numbers that float32 holds, and a decision on them."""
    rng = np.random.default_rng(seed)
    rows = exact(pd.DataFrame(rng.normal(size=(count, columns)), columns=list("abcdefgh")[:columns]))
    return rows, (rows["a"] + rows["b"] ** 2 > 0.5).to_numpy().astype(int)
