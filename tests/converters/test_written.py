"""A written graph is stored when it answers like its Python reference, and refused when it does not."""

import json

import numpy as np
import pytest
from onnx import TensorProto, helper

from converters import GraphSource, convert_graph
from models import LocalStore, Reference, load_pipeline
from scoring import Event, Feature, Graph, Outputs
from scoring.errors import CertificateError, ConfigurationError, ConversionError, ManifestError, ModelRefusedError

ROWS = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
WEIGHTS = np.array([[1.0, -1.0, 0.5], [0.25, 2.0, -1.0], [0.0, 1.0, 1.0]], np.float32)
CLASSES = ("low", "middle", "high")
FEATURES = (Feature(name="signal", path=("signal",), dtype="tensor", shape=(3,)),)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def written(weights=WEIGHTS):
    """Class probabilities: the softmax of the signal times the weights."""
    nodes = [
        helper.make_node("MatMul", ["signal", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    signal = helper.make_tensor_value_info("signal", TensorProto.FLOAT, [None, 3])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3])
    tensor = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())
    graph = helper.make_graph(nodes, "written", [signal], [answer], [tensor])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def softmax(columns):
    logits = columns["signal"].astype(np.float64) @ WEIGHTS
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return None, powers / powers.sum(axis=1, keepdims=True)


def source(**changes):
    plain = {
        "model": written(),
        "task": "multiclass",
        "features": FEATURES,
        "graph": Graph(form="columns", score="probabilities"),
        "outputs": Outputs(labels=CLASSES, top_k=2),
        "reference": softmax,
        "held_back": {"signal": ROWS},
        "data_sets": {"signals": "0" * 64},
    }
    return GraphSource(**plain | changes)


def binary(**changes):
    """The first class against the others, under a threshold."""
    outputs = Outputs(labels=("no", "yes"), positive="yes", threshold=0.5)
    nodes = [helper.make_node("ReduceMean", ["signal", "axes"], ["mean"]), helper.make_node("Sigmoid", ["mean"], ["p"])]
    graph = helper.make_graph(
        nodes,
        "binary",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    plain = {"model": model, "task": "binary", "outputs": outputs, "graph": Graph(form="columns", score="p")}
    return source(**plain | {"reference": lambda columns: (None, sigmoid(columns["signal"]))} | changes)


def sigmoid(signal):
    return 1 / (1 + np.exp(-signal.astype(np.float64).mean(axis=1)))


def test_a_graph_that_agrees_is_stored_certified(store):
    manifest = convert_graph(source(), name="signals", store=store, tags={"kind": "written"}, properties={"rows": 50})

    assert manifest.certificate is not None
    assert manifest.certificate.passed
    assert manifest.certificate.score_difference < 1e-6
    assert manifest.certificate.rows == {"held_back": 50, "thresholds": 0, "nulls": 0, "unseen": 0}
    assert manifest.opset == {"ai.onnx": 21}
    assert set(manifest.libraries) == {"onnx", "onnxruntime", "numpy"}
    assert manifest.lineage.data_sets == {"signals": "0" * 64}
    assert (manifest.tags, manifest.properties) == ({"kind": "written"}, {"rows": 50})


def test_it_is_served_by_its_labels(store):
    convert_graph(source(), name="signals", store=store)
    pipeline = load_pipeline(store, Reference(name="signals"))

    (outcome,) = pipeline.score([Event(json.dumps({"signal": ROWS[0].tolist()}).encode())])

    expected = softmax({"signal": ROWS[:1]})[1][0]
    assert outcome.label == CLASSES[int(expected.argmax())]
    assert [each.score for each in outcome.scores] == pytest.approx(sorted(expected, reverse=True)[:2], abs=1e-6)


def test_the_next_version_knows_the_one_before_it(store):
    convert_graph(source(), name="signals", store=store)
    manifest = convert_graph(source(), name="signals", store=store, event_id=("id",))

    assert (manifest.version, manifest.lineage.parent_version, manifest.event_id) == (2, 1, ("id",))


def test_a_graph_that_answers_differently_is_not_stored(store):
    wrong = WEIGHTS.copy()
    wrong[0, 0] += 0.01

    with pytest.raises(CertificateError) as error:
        convert_graph(source(model=written(wrong)), name="signals", store=store)

    assert str(error.value).startswith("the graph does not answer like the reference: scores differ by up to 0.00")
    assert "held-back row (row=" in str(error.value)
    assert store.versions("signals") == []


def test_labels_of_the_reference_are_compared(store):
    def stubborn(columns):
        return np.full(len(columns["signal"]), "low", object), softmax(columns)[1]

    with pytest.raises(CertificateError) as error:
        convert_graph(source(reference=stubborn), name="signals", store=store)
    assert "instead of 'low'" in str(error.value)


def test_without_a_reference_there_is_no_certificate_and_no_serving(store):
    manifest = convert_graph(source(reference=None, held_back={}), name="signals", store=store)

    assert manifest.certificate is None
    with pytest.raises(ModelRefusedError):
        load_pipeline(store, Reference(name="signals"))
    load_pipeline(store, Reference(name="signals"), allow_uncertified=True)


def test_two_classes_are_decided_by_the_threshold(store):
    manifest = convert_graph(binary(), name="signals", store=store)

    assert manifest.certificate is not None
    assert manifest.certificate.passed


def test_two_classes_without_a_threshold_need_the_references_decisions(store):
    outputs = Outputs(labels=("no", "yes"), positive="yes")

    with pytest.raises(ConversionError) as error:
        convert_graph(binary(outputs=outputs), name="signals", store=store)
    assert "the reference gives no labels for a binary model without a threshold" in str(error.value)


def test_a_reference_that_raises_is_told(store):
    def broken(columns):
        return columns["sign"]

    with pytest.raises(ConversionError) as error:
        convert_graph(source(reference=broken), name="signals", store=store)
    assert "the reference itself fails on the sample: KeyError: 'sign'" in str(error.value)


@pytest.mark.parametrize(
    ("held_back", "message"),
    [
        ({}, "held_back has the columns []; expected ['signal']"),
        ({"signal": ROWS[:0]}, "held_back has columns of [0] rows; expected one number, and not 0"),
        ({"signal": ROWS[:, :2]}, "held_back: a row of 'signal' has the shape [2], not [3]"),
    ],
)
def test_rows_that_are_not_those_of_the_features_are_refused(store, held_back, message):
    with pytest.raises(ConfigurationError) as error:
        convert_graph(source(held_back=held_back), name="signals", store=store)
    assert str(error.value) == message


def test_a_manifest_that_contradicts_itself_is_refused(store):
    with pytest.raises(ManifestError):
        convert_graph(source(outputs=Outputs()), name="signals", store=store)


def test_a_graph_without_the_inputs_named_is_refused(store):
    features = (Feature(name="sound", path=("sound",), dtype="tensor", shape=(3,)),)

    with pytest.raises(ManifestError):
        convert_graph(source(features=features, held_back={"sound": ROWS}), name="signals", store=store)
