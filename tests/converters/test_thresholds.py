"""Rows just below, at and just above every threshold, with and without nulls, in float32 and float64."""

import warnings

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from converters.export import GraphInput, to_onnx
from converters.thresholds import exact_attributes, floor_float32
from tests.converters.running import run, thresholds

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 4)).astype(np.float32)
LINE = X @ np.array([1, 2, 3, 4], dtype=np.float32)
TWO = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = TWO + (X[:, 2] > 0)

TAKES_NULLS = {
    "tree": (DecisionTreeClassifier(random_state=0), TWO),
    "tree regressor": (DecisionTreeRegressor(random_state=0), LINE),
    "forest": (RandomForestClassifier(10, random_state=0), TWO),
    "forest of three": (RandomForestClassifier(5, max_depth=4, random_state=0), THREE),
    "forest regressor": (RandomForestRegressor(5, random_state=0), LINE),
    "extra trees": (ExtraTreesClassifier(5, random_state=0), TWO),
    "extra trees regressor": (ExtraTreesRegressor(5, random_state=0), LINE),
    "bagged histograms": (BaggingClassifier(HistGradientBoostingClassifier(max_iter=3), 2, random_state=0), TWO),
    "isolation forest": (IsolationForest(n_estimators=10, random_state=0), TWO),
    "histogram": (HistGradientBoostingClassifier(max_iter=10), TWO),
    "histogram of three": (HistGradientBoostingClassifier(max_iter=5), THREE),
    "histogram regressor": (HistGradientBoostingRegressor(max_iter=10), LINE),
    "histogram poisson": (HistGradientBoostingRegressor(max_iter=10, loss="poisson"), np.abs(LINE)),
    "lightgbm": (LGBMClassifier(n_estimators=10, verbose=-1), TWO),
    "lightgbm of three": (LGBMClassifier(n_estimators=10, verbose=-1), THREE),
    "lightgbm regressor": (LGBMRegressor(n_estimators=10, verbose=-1), LINE),
    "lightgbm tweedie": (LGBMRegressor(n_estimators=10, verbose=-1, objective="tweedie"), np.abs(LINE)),
    "xgboost": (XGBClassifier(n_estimators=10), TWO),
    "xgboost of three": (XGBClassifier(n_estimators=5), THREE),
    "xgboost regressor": (XGBRegressor(n_estimators=10), LINE),
    "xgboost gamma": (XGBRegressor(n_estimators=10, objective="reg:gamma"), np.abs(LINE) + 0.1),
}
REFUSES_NULLS = {
    "gradient": (GradientBoostingClassifier(n_estimators=10), TWO),
    "gradient of three": (GradientBoostingClassifier(n_estimators=5), THREE),
    "gradient exponential": (GradientBoostingClassifier(n_estimators=10, loss="exponential"), TWO),
    "gradient regressor": (GradientBoostingRegressor(n_estimators=10), LINE),
}


def with_nulls(rows, share=0.25):
    holed = rows.copy()
    holed[rng.random(rows.shape) < share] = np.nan
    return holed


def at_thresholds(model, dtype):
    rows = []
    for feature, threshold in list(thresholds(model))[:400]:
        edge = dtype(threshold)
        below, above = np.nextafter(edge, dtype(-np.inf)), np.nextafter(edge, dtype(np.inf))
        # With float64 inputs, the library may round a row to float32 first: try the middle of two float32 values too.
        step = np.spacing(np.float32(abs(threshold))) / 2
        for value in (below, edge, above, edge - step, edge + step):
            row = X[rng.integers(len(X))].astype(dtype)
            row[feature] = value
            rows.append(row)
    return np.array(rows)


def agree(estimator, rows, dtype):
    model = to_onnx(estimator, [GraphInput("table", dtype, rows.shape[1])])
    outputs = run(model.SerializeToString(), {"table": rows.astype(dtype)})
    method = next(name for name in ("predict_proba", "decision_function", "predict") if hasattr(estimator, name))
    with warnings.catch_warnings():
        # LightGBM keeps names of its own for the columns of an array, then misses them on the next array.
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        expected = getattr(estimator, method)(rows)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(outputs[-1].reshape(expected.shape) / scale, expected / scale, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [*TAKES_NULLS, *REFUSES_NULLS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_at_every_threshold_go_the_same_way(name, dtype):
    estimator, target = {**TAKES_NULLS, **REFUSES_NULLS}[name]
    estimator.fit(X.astype(dtype), target)
    model = to_onnx(estimator, [GraphInput("table", dtype, 4)])
    agree(estimator, at_thresholds(model, np.dtype(dtype).type), dtype)


@pytest.mark.parametrize("name", TAKES_NULLS)
@pytest.mark.parametrize("seen", ["trained without nulls", "trained with nulls"])
def test_nulls_go_the_same_way(name, seen):
    estimator, target = TAKES_NULLS[name]
    estimator.fit(with_nulls(X) if seen == "trained with nulls" else X, target)
    agree(estimator, with_nulls(X), "float32")


def test_equal_votes_name_the_first_class():
    forest = RandomForestClassifier(20, random_state=1).fit(X[:, :1], TWO)
    rows = X[:, :1]
    model = to_onnx(forest, [GraphInput("table", "float32", 1)])
    labels, probabilities = run(model.SerializeToString(), {"table": rows})
    ties = forest.predict_proba(rows)[:, 0] == 0.5
    assert ties.any()
    assert (probabilities[ties] == 0.5).all()
    np.testing.assert_array_equal(labels, forest.predict(rows))


def test_floor_float32_never_rounds_up():
    exact = np.concatenate([rng.normal(size=1000), [0.1, -0.1, 0.0, 1e39, -1e39, 1e-50, -1e-50, np.inf, -np.inf, 3.5]])
    floored = floor_float32(exact)
    assert floored.dtype == np.float32
    assert (floored <= exact).all()
    with np.errstate(over="ignore"):
        above = np.nextafter(floored, np.float32(np.inf))
    assert ((above > exact) | (floored == exact)).all()


def test_only_thresholds_that_ask_for_at_most_are_lowered():
    attributes = {"nodes_values": [0.1, 0.7, 0.0], "nodes_modes": ["BRANCH_LEQ", "BRANCH_LT", "LEAF"]}
    values = exact_attributes(attributes, wide=False)["nodes_values"]
    assert float(values[0]) < 0.1
    assert values[1] == np.float32(0.7)


def test_float64_inputs_keep_float64_thresholds():
    attributes = {"nodes_values": [0.1], "nodes_modes": ["BRANCH_LEQ"], "class_weights": [0.2]}
    exact = exact_attributes(attributes, wide=True)
    assert exact["nodes_values_as_tensor"].double_data[0] == 0.1
    assert exact["class_weights_as_tensor"].double_data[0] == 0.2
    assert "nodes_values" not in exact
