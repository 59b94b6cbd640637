"""The certificate passes what agrees and fails what does not, however small or rare the difference."""

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from converters import Columns
from converters.certify import TOLERANCE, refusal
from converters.layout import serving_columns
from converters.padding import BATCH_SIZES, smallest_padding
from converters.repairs import discriminant, register
from models import MAX_ROWS, OnnxScorer
from scoring.errors import CertificateError, ConversionError
from scoring.manifest import Graph
from tests.converters.drafts import draft, exact, numbers, payments

ROWS, LABELS = numbers()


def changed(model, change):
    """A copy of the graph with `change` applied to the attributes of its first tree ensemble."""
    wrong = onnx.ModelProto()
    wrong.CopyFrom(model)
    node = next(node for node in wrong.graph.node if node.op_type.startswith("TreeEnsemble"))
    change({attribute.name: attribute for attribute in node.attribute})
    return wrong


def test_what_agrees_passes_with_its_numbers():
    made = draft(HistGradientBoostingClassifier(max_iter=20).fit(ROWS, LABELS), ROWS)
    certificate = made.certify()
    assert certificate.passed
    assert certificate.score_difference < 1e-6
    assert certificate.flips == 0
    assert certificate.tolerance == TOLERANCE
    assert certificate.rows["held_back"] == len(ROWS)
    assert certificate.rows["thresholds"] > 1000
    assert certificate.rows["nulls"] == certificate.rows["unseen"] == 0
    assert certificate.batch_sizes == (1, 2, 7, 64, 257, 1021, MAX_ROWS)
    assert certificate.padding == 1
    assert certificate.worst.startswith(("threshold of ", "held-back row"))
    assert " became " in certificate.worst


def test_a_wrong_leaf_is_found_though_one_row_in_hundreds_reaches_it():
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(ROWS, LABELS)
    made = draft(tree, ROWS)
    reached = np.bincount(tree.apply(ROWS), minlength=tree.tree_.node_count)
    rare = int(np.argmin(np.where(reached > 0, reached, len(ROWS))))
    assert reached[rare] <= 3

    def spoil(attributes):
        nodes = list(attributes["target_nodeids"].ints)
        weights = attributes["target_weights"].floats
        for index in (index for index, node in enumerate(nodes) if node == rare):
            weights[index] = weights[index] * 0.75 + 0.1

    certificate = made.certify(changed(made.model, spoil))
    assert not certificate.passed
    assert certificate.score_difference > 0.1


def test_a_refusal_says_by_how_much_and_where():
    made = draft(DecisionTreeRegressor(max_depth=2).fit(ROWS, ROWS["a"] * 2), ROWS)

    def spoil(attributes):
        weights = attributes["target_weights"].floats
        weights[0] += 0.25

    certificate = made.certify(changed(made.model, spoil))
    text = refusal(made.manifest.model_copy(update={"certificate": certificate}))
    assert text.startswith("the graph does not answer like the estimator: scores differ by up to 0.")
    assert "(allowed: 1e-05), and 0 of " in text
    assert "held-back row (a=" in text
    assert " became " in text


@pytest.mark.parametrize("direction", [-1, 1], ids=["below", "above"])
def test_a_threshold_one_step_off_is_found_at_the_threshold_alone(direction):
    made = draft(RandomForestClassifier(3, max_depth=5, random_state=0).fit(ROWS, LABELS), ROWS)

    def spoil(attributes):
        values = attributes["nodes_values"].floats
        moved = np.nextafter(np.array(values, np.float32), np.float32(direction * np.inf))
        del values[:]
        values.extend(moved.tolist())

    assert made.certify().passed
    certificate = made.certify(changed(made.model, spoil))
    assert not certificate.passed
    assert certificate.worst.startswith("threshold of ")
    held_back = made.certify(rows=ROWS).rows["held_back"]
    scorer = OnnxScorer(
        changed(made.model, spoil).SerializeToString(), made.manifest.features, made.manifest.graph
    ).run(serving_columns(made.manifest.features, ROWS))
    untouched = np.abs(scorer.scores - made.estimator.predict_proba(ROWS)).max(axis=1) < TOLERANCE
    assert untouched.sum() == held_back  # no row of the table shows it


def test_nulls_that_go_the_other_way_are_found():
    rows = ROWS.assign(a=ROWS["a"].where(np.arange(len(ROWS)) % 5 > 0))
    made = draft(HistGradientBoostingClassifier(max_iter=10).fit(rows, LABELS), rows)

    def spoil(attributes):
        tracks = attributes["nodes_missing_value_tracks_true"].ints
        flipped = [1 - track for track in tracks]
        del tracks[:]
        tracks.extend(flipped)

    assert made.certify().passed
    certificate = made.certify(changed(made.model, spoil), rows=rows[rows["a"].notna()])
    assert not certificate.passed
    assert certificate.rows["nulls"] > 0
    assert "null of a" in certificate.worst


@pytest.fixture
def unrepaired():
    """skl2onnx's own converter for LinearDiscriminantAnalysis."""
    register()
    update_registered_converter(
        LinearDiscriminantAnalysis,
        "SklearnLinearClassifier",
        calculate_linear_classifier_output_shapes,
        convert_sklearn_linear_classifier,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False]},
    )
    yield
    discriminant.register()


def discriminant_analysis():
    return draft(LinearDiscriminantAnalysis().fit(ROWS, LABELS), ROWS)


def test_a_silently_wrong_converter_is_refused(unrepaired):
    certificate = discriminant_analysis().certify()
    assert not certificate.passed
    assert certificate.score_difference > 0.1


def test_the_same_estimator_passes_when_it_is_repaired():
    assert discriminant_analysis().certify().passed


def big_numbers():
    """Amounts in cents beyond 2**24: float32 has every second one at best."""
    cents = 100_000_000 + np.arange(400)
    return pd.DataFrame({"cents": cents}), (cents % 3 == 0).astype(int)


def test_a_value_that_float32_moves_across_a_threshold_is_found():
    rows, labels = big_numbers()
    estimator = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=2).fit(rows, labels)
    certificate = draft(estimator, rows).certify()
    assert not certificate.passed
    assert certificate.flips > 0
    assert "held-back row (cents=1000" in certificate.worst


def test_the_same_value_stays_on_its_side_in_float64():
    rows, labels = big_numbers()
    estimator = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=2).fit(rows, labels)
    assert draft(estimator, rows, columns=Columns(dtypes={"cents": "float64"})).certify().passed


def test_a_linear_model_is_padded_until_its_bits_do_not_depend_on_the_batch():
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    made = draft(estimator, ROWS)
    certificate = made.certify()
    assert certificate.passed
    model = made.model.SerializeToString(deterministic=True)
    columns = serving_columns(made.manifest.features, ROWS)
    scorer = OnnxScorer(model, made.manifest.features, made.manifest.graph, padding=certificate.padding)
    whole = scorer.run(columns).scores
    for size in (1, 2, 3, 5, 17, 100):
        parts = [
            scorer.run({name: column[start : start + size] for name, column in columns.items()}).scores
            for start in range(0, len(ROWS), size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts).view(np.uint32), whole.view(np.uint32))


def batch_model(*, until):
    """A graph that answers differently in batches of fewer than `until` rows; without end where that is None."""
    rows = helper.make_node("Shape", ["features"], ["shape"], start=0, end=1)
    if until is None:
        shift = [rows, helper.make_node("Cast", ["shape"], ["shift"], to=TensorProto.FLOAT)]
    else:
        shift = [
            rows,
            helper.make_node("Less", ["shape", "until"], ["few"]),
            helper.make_node("Cast", ["few"], ["shift"], to=TensorProto.FLOAT),
        ]
    graph = helper.make_graph(
        [*shift, helper.make_node("Add", ["features", "shift"], ["value"])],
        "batch",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(np.array([until or 0], np.int64), "until")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


@pytest.mark.parametrize(("until", "padding"), [(1, 1), (2, 2), (3, 4), (8, 8), (200, 256)])
def test_the_smallest_padding_is_found(until, padding):
    made = draft(LinearRegression().fit(ROWS[["a"]], ROWS["b"]), ROWS[["a"]])
    columns = serving_columns(made.manifest.features, ROWS)
    graph = Graph(form="matrix", input="features", score="value")
    assert smallest_padding(batch_model(until=until), made.manifest.features, graph, columns) == padding


def test_bits_that_no_padding_settles_are_refused():
    made = draft(LinearRegression().fit(ROWS[["a"]], ROWS["b"]), ROWS[["a"]])
    columns = serving_columns(made.manifest.features, ROWS)
    graph = Graph(form="matrix", input="features", score="value")
    with pytest.raises(CertificateError) as caught:
        smallest_padding(batch_model(until=None), made.manifest.features, graph, columns)
    assert str(caught.value).startswith(
        "the graph's last bits depend on the batch, even in batches filled up to 256 rows: in batches of 1 rows, "
    )


def test_every_batch_size_is_tried_up_to_the_sessions_own():
    assert BATCH_SIZES[:5] == (1, 2, 7, 64, 257)
    assert BATCH_SIZES[-1] == MAX_ROWS


def test_a_decision_at_the_threshold_itself_is_counted_and_excused():
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(ROWS, LABELS)
    probabilities = tree.predict_proba(ROWS)[:, 1]
    # the float32 nearest to a leaf's share of a third lies on the other side of it
    shares = np.unique(probabilities)
    share = next(share for share in shares if float(np.float32(share)) < share)
    certificate = draft(tree, ROWS, threshold=float(share)).certify()
    assert certificate.flips >= (probabilities == share).sum()
    assert certificate.passed
    assert certificate.worst.endswith("within the tolerance of a tie")


def test_a_decision_that_the_scores_do_not_bear_out_is_not_excused():
    made = draft(RandomForestClassifier(5, max_depth=3, random_state=0).fit(ROWS, LABELS), ROWS)
    wrong = onnx.ModelProto()
    wrong.CopyFrom(made.model)
    (classes,) = [each for each in wrong.graph.initializer if "classes" in each.name]
    classes.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(classes)[::-1].copy(), classes.name))
    certificate = made.certify(wrong)
    assert certificate.score_difference < TOLERANCE
    assert certificate.flips == sum(certificate.rows.values())
    assert not certificate.passed
    assert certificate.worst.endswith(("decided 0 instead of 1", "decided 1 instead of 0"))


def test_a_score_that_is_no_number_is_infinitely_far():
    made = draft(DecisionTreeRegressor(max_depth=2).fit(ROWS, ROWS["a"]), ROWS)

    def spoil(attributes):
        attributes["target_weights"].floats[0] = float("nan")

    certificate = made.certify(changed(made.model, spoil))
    assert certificate.score_difference == np.inf
    assert not certificate.passed


def test_large_values_are_compared_relatively():
    values = ROWS["a"] * 1e6
    certificate = draft(Ridge().fit(ROWS, values), ROWS).certify()
    assert certificate.passed
    assert certificate.score_difference < 1e-6


@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        (IsolationForest(n_estimators=20, random_state=0), "outlier"),
        (HistGradientBoostingClassifier(max_iter=5), "multiclass"),
    ],
)
def test_other_tasks(estimator, task):
    target = np.digitize(ROWS["a"], [-0.5, 0.5])
    made = draft(estimator.fit(ROWS, target), ROWS)
    assert made.manifest.task == task
    assert made.certify().passed


def named(encoder, table):
    columns = ColumnTransformer([("plain", "passthrough", ["amount"]), ("named", encoder, ["country", "channel"])])
    estimator = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5))
    return estimator.fit(table[["amount", "country", "channel"]], table["fraud"])


def test_nulls_and_unseen_categories_are_compared():
    table = exact(payments())
    made = draft(named(OneHotEncoder(handle_unknown="ignore", sparse_output=False), table), table)
    certificate = made.certify()
    assert certificate.passed
    assert certificate.rows["nulls"] > 0
    assert certificate.rows["unseen"] > 0


def test_categories_that_both_refuse_are_not_compared():
    table = exact(payments()).dropna()
    made = draft(named(OneHotEncoder(sparse_output=False), table), table)
    certificate = made.certify()
    assert certificate.passed
    assert certificate.rows["unseen"] == 0


def test_categories_that_only_the_estimator_refuses_fail():
    table = exact(payments()).dropna()
    certificate = draft(named(OrdinalEncoder(), table), table).certify()
    assert not certificate.passed
    assert certificate.worst == (
        "unseen value of country: the estimator refuses these values, and the graph answers all the same; "
        "an encoder with handle_unknown says what is meant"
    )


def test_a_sample_that_the_estimator_itself_cannot_score():
    rows = ROWS.assign(a=ROWS["a"].where(ROWS["a"] > 0))
    made = draft(LogisticRegression().fit(ROWS, LABELS), rows)
    with pytest.raises(ConversionError) as caught:
        made.certify()
    assert str(caught.value).startswith("the estimator itself fails on the sample: ValueError: Input X contains NaN.")


def test_several_values_for_one_event_are_refused():
    made = draft(Ridge().fit(ROWS, np.stack([ROWS["a"], ROWS["b"]], axis=1)), ROWS)
    with pytest.raises(ConversionError) as caught:
        made.certify()
    assert str(caught.value) == (
        "it answers 2 values for one event, and a prediction has one. Convert one regressor for each value."
    )


def test_one_class_svm_is_certified_or_refused_but_never_let_through_wrong():
    made = draft(make_pipeline(StandardScaler(), OneClassSVM()).fit(ROWS), ROWS)
    certificate = made.certify()
    assert certificate.passed == (certificate.score_difference <= TOLERANCE and certificate.flips == 0)
