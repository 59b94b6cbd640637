"""The rows that are made to look for a difference: where they stand, and that both sides get the same values."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from converters import Columns
from converters.crossings import find_crossings
from converters.ensembles import find_ensembles
from converters.layout import serving_columns
from converters.probes import MAX_HELD_BACK, MAX_THRESHOLD_ROWS, probe_rows
from tests.converters.drafts import draft, exact, numbers, payments


def crossings(made, limit=3000):
    columns = serving_columns(made.manifest.features, made.rows)
    return list(find_crossings(made.model, made.manifest.features, made.manifest.graph, columns, limit=limit, seed=0))


def probes(made):
    return list(probe_rows(made.model, made.manifest, made.rows))


def mixed(table, *steps):
    columns = ColumnTransformer(
        [
            ("plain", make_pipeline(*steps) if steps else "passthrough", ["amount", "age", "risk"]),
            ("flags", "passthrough", ["vip"]),
            ("named", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["country", "channel"]),
        ]
    )
    estimator = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5))
    return estimator.fit(table.drop(columns="fraud"), table["fraud"])


def test_below_at_and_above_the_one_threshold_of_a_stump():
    rows, labels = numbers()
    tree = DecisionTreeClassifier(max_depth=1).fit(rows, labels)
    made = draft(tree, rows)
    (crossing,) = crossings(made)
    threshold = tree.tree_.threshold[0]
    below, at, above = crossing.moved[:3]
    assert crossing.feature == rows.columns[tree.tree_.feature[0]]
    assert at <= threshold < above
    assert below == np.nextafter(at, np.float32(-np.inf))
    assert above == np.nextafter(at, np.float32(np.inf))
    assert crossing.moved.dtype == np.float32


def test_every_threshold_of_a_forest_is_met():
    rows, labels = numbers()
    forest = RandomForestClassifier(5, max_depth=4, random_state=0).fit(rows, labels)
    made = draft(forest, rows)
    met = {(crossing.feature, value) for crossing in crossings(made) for value in crossing.moved.tolist()}
    for tree in forest.estimators_:
        inner = tree.tree_.children_left != -1
        for feature, threshold in zip(tree.tree_.feature[inner], tree.tree_.threshold[inner], strict=True):
            narrow = np.float32(threshold)
            at = narrow if narrow <= threshold else np.nextafter(narrow, np.float32(-np.inf))
            assert (rows.columns[feature], float(at)) in met


def test_rows_are_chosen_that_come_by_the_threshold():
    rows, labels = numbers()
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(rows, labels)
    made = draft(tree, rows)
    (ensemble,) = find_ensembles(made.model)
    pairs = ensemble.reached(rows.to_numpy(np.float32), np.random.default_rng(0))
    path = tree.decision_path(rows).toarray()
    assert len(pairs) == (tree.tree_.children_left != -1).sum()
    assert all(path[row, ensemble.node[index]] for index, row in pairs)


@pytest.mark.parametrize("before", [StandardScaler(), PCA(2)], ids=["scaler", "projection"])
def test_thresholds_behind_other_steps_are_met_too(before):
    rows, labels = numbers()
    estimator = make_pipeline(before, RandomForestClassifier(3, max_depth=3, random_state=0)).fit(rows, labels)
    made = draft(estimator, rows)
    found = crossings(made)
    assert {crossing.feature for crossing in found} == set(rows.columns)
    for crossing in found:
        base = made.rows.iloc[crossing.rows[::3]]
        leaves = []
        for away in (-64, 64):  # the graph scales in float32, and so crosses some steps away from the estimator
            moved = crossing.moved[1::3] + away * np.spacing(crossing.moved[1::3])
            leaves.append(estimator[-1].apply(estimator[0].transform(base.assign(**{crossing.feature: moved}))))
        assert (leaves[0] != leaves[1]).any(axis=1).mean() > 0.75  # a projected row may leave the path on its way


def test_whole_numbers_are_moved_by_whole_numbers():
    table = exact(payments())
    made = draft(mixed(table), table, columns=Columns(label="fraud"))
    ages = [crossing for crossing in crossings(made) if crossing.feature == "age"]
    assert ages
    for crossing in ages:
        assert crossing.moved.dtype == np.int64
        assert (np.diff(crossing.moved.reshape(-1, 3), axis=1) == 1).all()


def test_float64_features_are_moved_by_float64_steps():
    table = payments()
    made = draft(mixed(table), table, columns=Columns(label="fraud", dtypes={"amount": "float64", "risk": "float64"}))
    amounts = np.concatenate([each.moved for each in crossings(made) if each.feature == "amount"]).reshape(-1, 3)
    assert amounts.dtype == np.float64
    np.testing.assert_array_equal(np.nextafter(amounts[:, 1], np.inf), amounts[:, 2])


def test_negative_thresholds_and_zero():
    rows = exact(pd.DataFrame({"a": np.linspace(-1, 1, 201)}))
    tree = DecisionTreeClassifier(max_depth=3).fit(rows, (rows["a"].abs() < 0.3).astype(int))
    values = np.concatenate([each.moved for each in crossings(draft(tree, rows))]).reshape(-1, 3)
    assert (values[:, 0] < values[:, 1]).all()
    assert (values[:, 1] < values[:, 2]).all()
    assert (values < 0).any()


def test_no_more_rows_than_the_limit():
    rows, labels = numbers(2000)
    forest = RandomForestClassifier(10, random_state=0).fit(rows, labels)
    found = crossings(draft(forest, rows), limit=300)
    assert 250 <= sum(len(each.moved) for each in found) <= 300


def test_the_same_rows_every_time():
    rows, labels = numbers()
    made = draft(RandomForestClassifier(5, random_state=0).fit(rows, labels), rows)
    for one, other in zip(probes(made), probes(made), strict=True):
        pd.testing.assert_frame_equal(one.rows, other.rows)


def test_no_trees_no_thresholds():
    rows, labels = numbers()
    assert crossings(draft(LogisticRegression().fit(rows, labels), rows)) == []


def test_kinds_and_bounds():
    table = exact(payments(MAX_HELD_BACK + 500))
    made = draft(mixed(table.head(500)), table, columns=Columns(label="fraud"))
    counts = {}
    for probe in probes(made):
        counts[probe.kind] = counts.get(probe.kind, 0) + len(probe.rows)
    assert set(counts) == {"held_back", "thresholds", "nulls", "unseen"}
    assert counts["held_back"] == MAX_HELD_BACK
    assert counts["thresholds"] < MAX_THRESHOLD_ROWS + 1000


def test_rows_held_back_are_the_tables_own():
    table = payments()
    made = draft(mixed(table), table, columns=Columns(label="fraud"))
    first = probes(made)[0]
    pd.testing.assert_frame_equal(first.rows, table.drop(columns="fraud"))
    assert first.columns["amount"].dtype == np.float32


def test_other_rows_have_the_same_values_on_both_sides():
    table = payments()
    made = draft(mixed(table), table, columns=Columns(label="fraud"))
    for probe in probes(made)[1:]:
        for name, column in probe.columns.items():
            given = probe.rows[name].to_numpy()
            if column.dtype == object:
                np.testing.assert_array_equal(pd.isna(given), column == "")
                np.testing.assert_array_equal(given[column != ""], column[column != ""])
            else:
                np.testing.assert_array_equal(given, column)


def test_nulls_where_the_schema_allows_them_feature_by_feature_and_together():
    table = exact(payments())
    made = draft(mixed(table), table, columns=Columns(label="fraud", nullable=frozenset({"channel"})))
    nulls = {probe.feature: probe.rows for probe in probes(made) if probe.kind == "nulls"}
    assert list(nulls) == ["risk", "country", "channel", "all at once"]
    assert nulls["risk"]["risk"].isna().all()
    assert nulls["all at once"][["risk", "country", "channel"]].isna().all(axis=None)


def test_categories_that_training_did_not_see():
    table = exact(payments())
    made = draft(mixed(table), table, columns=Columns(label="fraud"))
    unseen = {probe.feature: set(probe.rows[probe.feature]) for probe in probes(made) if probe.kind == "unseen"}
    assert set(unseen) == {"country", "channel"}
    assert not unseen["country"] & {"DE", "FR", "NL", "PL"}
    assert len(unseen["country"]) >= 5


def test_every_known_category_and_both_truths_are_tried():
    table = exact(payments())
    made = draft(mixed(table), table, columns=Columns(label="fraud"))
    tried = {probe.feature: set(probe.rows[probe.feature]) for probe in probes(made) if probe.kind == "thresholds"}
    assert tried["country"] == {"DE", "FR", "NL", "PL"}
    assert tried["vip"] == {False, True}


def test_texts_of_all_sorts():
    texts = pd.DataFrame({"question": ["where is my card", "who is it"] * 20})
    made = draft(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts["question"], [0, 1] * 20), texts)
    (probe,) = [probe for probe in probes(made) if probe.kind == "unseen"]
    assert any(not text.isascii() for text in probe.rows["question"])
    assert "" not in set(probe.rows["question"])


def test_a_null_that_training_wrote_as_the_empty_string_is_given_so():
    table = payments().fillna({"country": ""})
    made = draft(mixed(exact(table)), exact(table), columns=Columns(label="fraud"))
    assert made.layout.nulls == {"country": ""}
    (null,) = [probe for probe in probes(made) if (probe.kind, probe.feature) == ("nulls", "country")]
    assert set(made.layout.of(null.rows)["country"]) == {""}
