"""The session: every form of input, padding, long batches, the same bits always, and errors in our own words."""

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from models import MAX_ROWS, OnnxScorer, run_raw
from scoring import Feature, Graph
from scoring.errors import ManifestError, ModelRefusedError, ScoringError
from tests.models import graphs
from tests.models.graphs import BOOL, DOUBLE, FLOAT, INT64, STRING, value
from tests.scoring.makers import feature
from tests.scoring.scorer_contract import ScorerContract

SCORE = Graph(form="columns", score="score")


def scorer(model: bytes, *features: Feature, graph: Graph = SCORE, **more) -> OnnxScorer:
    return OnnxScorer(model, features or (feature("x"),), graph, **more)


class TestColumns(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return OnnxScorer(graphs.payments(), graphs.PAYMENT_FEATURES, graphs.PAYMENT_GRAPH)

    @pytest.fixture
    def columns(self):
        return graphs.payment_columns()

    @pytest.fixture
    def guilty(self):
        return graphs.payment_columns(3) | {"country": np.array(["de", "xx", "fr"], object)}


class TestMatrix(ScorerContract):
    """A weighted sum: its last bits depend on the batch unless small batches are padded."""

    @pytest.fixture
    def scorer(self):
        graph = Graph(form="matrix", input="X", score="score")
        return OnnxScorer(graphs.linear(21), self.features(), graph, padding=64)

    @pytest.fixture
    def columns(self):
        rng = np.random.default_rng(6)
        return {each.name: rng.normal(size=200).astype(np.float32) for each in self.features()}

    @pytest.fixture
    def guilty(self):
        return {each.name: np.zeros(2) for each in self.features()}  # float64, which the graph refuses

    @staticmethod
    def features():
        return tuple(feature(f"x{index}") for index in range(21))


@pytest.mark.parametrize(
    ("dtype", "kind", "column", "expected"),
    [
        ("float32", FLOAT, np.array([1.5, np.nan], np.float32), [1.5, np.nan]),
        ("float64", DOUBLE, np.array([0.1, 2.0]), [np.float32(0.1), 2]),
        ("int64", INT64, np.array([3, -4]), [3, -4]),
        ("bool", BOOL, np.array([True, False]), [1, 0]),
        ("string", STRING, np.array(["1.5", "2"], object), [1.5, 2]),
        ("text", STRING, np.array(["7", "8"], object), [7, 8]),
    ],
)
@pytest.mark.parametrize("shape", [(None, 1), (None,)])
def test_each_dtype_in_columns_of_either_rank(dtype, kind, column, expected, shape):
    scores = scorer(graphs.cast(kind, shape), feature("x", dtype)).run({"x": column})
    assert scores.scores.shape == (2, 1)[: len(shape)]
    np.testing.assert_array_equal(scores.scores.ravel(), expected)


def test_strings_keep_every_character():
    model = graphs.model_bytes(
        [
            helper.make_node("Identity", ["x"], ["label"]),
            helper.make_node("IsNaN", ["y"], ["nan"]),
            helper.make_node("Cast", ["nan"], ["score"], to=FLOAT),
        ],
        [value("x", STRING, [None, 1]), value("y", FLOAT, [None, 1])],
        [value("label", STRING, [None, 1]), value("score", FLOAT, [None, 1])],
    )
    words = ["", "de", "日本", "a\nb", "é" * 1000, " "]
    given = {"x": np.array(words, object), "y": np.zeros(len(words), np.float32)}
    ready = scorer(
        model, feature("x", "string"), feature("y"), graph=Graph(form="columns", score="score", label="label")
    )
    assert ready.run(given).labels.tolist() == words


def test_a_tensor_is_fed_as_it_is():
    model = graphs.model_bytes(
        [helper.make_node("Flatten", ["t"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["score"])],
        [value("t", FLOAT, [None, 2, 2])],
        [value("score", FLOAT, [None, 1])],
        w=np.array([[1], [10], [100], [1000]], np.float32),
    )
    tensors = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], np.float32)
    scores = scorer(model, feature("t", "tensor", shape=(2, 2)), padding=3).run({"t": tensors})
    assert scores.scores.ravel().tolist() == [4321, 8765]


def test_a_matrix_has_its_features_in_the_manifests_order():
    model = graphs.model_bytes(
        [helper.make_node("MatMul", ["X", "w"], ["score"])],
        [value("X", FLOAT, [None, 3])],
        [value("score", FLOAT, [None, 1])],
        w=np.array([[1], [10], [100]], np.float32),
    )
    columns = {name: np.array([number], np.float32) for name, number in {"c": 3, "a": 1, "b": 2}.items()}
    ready = scorer(model, *map(feature, "abc"), graph=Graph(form="matrix", input="X", score="score"))
    assert ready.run(columns).scores.tolist() == [[321]]


@pytest.mark.parametrize(
    ("kind", "dtype", "column"),
    [
        (INT64, "int64", np.array([2**53, 1])),
        (DOUBLE, "float64", np.array([0.1, 1])),
        (STRING, "string", np.array(["4", "5"], object)),
    ],
)
def test_a_matrix_keeps_its_features_dtype(kind, dtype, column):
    model = graphs.model_bytes(
        [helper.make_node("Cast", ["X"], ["score"], to=DOUBLE)],
        [value("X", kind, [None, 1])],
        [value("score", DOUBLE, [None, 1])],
    )
    ready = scorer(model, feature("x", dtype), graph=Graph(form="matrix", input="X", score="score"))
    assert ready.run({"x": column}).scores.ravel().tolist() == [float(each) for each in column]


@pytest.mark.parametrize(
    ("rows", "padding", "given"), [(1, 1, 1), (1, 2, 2), (2, 2, 2), (3, 2, 3), (1, 64, 64), (5, 64, 64), (65, 64, 65)]
)
def test_small_batches_are_filled_up_and_cut_again(rows, padding, given):
    scores = scorer(graphs.row_counter(), padding=padding).run({"x": np.zeros(rows, np.float32)})
    assert scores.scores.ravel().tolist() == [given] * rows


def test_long_batches_are_scored_in_parts():
    rows = 2 * MAX_ROWS + 5
    ready = scorer(
        graphs.row_counter(with_label=True), graph=Graph(form="columns", score="score", label="label"), padding=7
    )
    scores = ready.run({"x": np.arange(rows, dtype=np.float32)})
    assert scores.scores.ravel().tolist() == [MAX_ROWS] * (2 * MAX_ROWS) + [7] * 5
    assert scores.labels.tolist() == list(range(rows))


@pytest.mark.parametrize("rows", [MAX_ROWS - 1, MAX_ROWS, MAX_ROWS + 1])
def test_around_the_longest_part(rows):
    scores = scorer(graphs.cast()).run({"x": np.arange(rows, dtype=np.float32)})
    assert scores.labels is None
    assert scores.scores.ravel().tolist() == list(range(rows))


def test_a_long_batch_has_the_bits_of_each_row_alone():
    ready = OnnxScorer(graphs.payments(), graphs.PAYMENT_FEATURES, graphs.PAYMENT_GRAPH)
    columns = graphs.payment_columns(MAX_ROWS + 300)
    whole = ready.run(columns)
    for row in (0, 1, MAX_ROWS - 1, MAX_ROWS, MAX_ROWS + 299):
        alone = ready.run({name: column[row : row + 1] for name, column in columns.items()})
        assert alone.scores.tobytes() == whole.scores[row].tobytes()
        assert alone.labels[0] == whole.labels[row]


def test_sessions_run_in_one_thread():
    options = scorer(graphs.cast())._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_what_the_graph_raises_is_a_scoring_error_in_one_line():
    ready = OnnxScorer(graphs.payments(), graphs.PAYMENT_FEATURES, graphs.PAYMENT_GRAPH)
    with pytest.raises(ScoringError) as caught:
        ready.run(graphs.payment_columns(2) | {"country": np.array(["de", "xx"], object)})
    assert "while running OneHotEncoder node" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "xx" not in str(caught.value)


def test_a_graph_that_mixes_its_rows_is_a_scoring_error():
    model = graphs.model_bytes(
        [helper.make_node("ReduceMax", ["x"], ["score"], axes=[0], keepdims=1)],
        [value("x", FLOAT, [None, 1])],
        [value("score", FLOAT, None)],
    )
    with pytest.raises(ScoringError) as caught:
        scorer(model).run({"x": np.zeros(3, np.float32)})
    assert str(caught.value) == "output 'score' has the shape [1, 1] for 3 rows"


def refused(kind, *args, **more) -> str:
    with pytest.raises(kind) as caught:
        scorer(*args, source="m:1", **more)
    return str(caught.value)


def test_inputs_must_be_the_manifests_features():
    two = (feature("x"), feature("z"))
    assert refused(ManifestError, graphs.cast(), *two) == "m:1: the manifest feeds ['z'], the graph wants []"
    assert refused(ManifestError, graphs.cast(), feature("y")) == "m:1: the manifest feeds ['y'], the graph wants ['x']"
    matrix = Graph(form="matrix", input="Y", score="score")
    assert (
        refused(ManifestError, graphs.linear(1), graph=matrix) == "m:1: the manifest feeds ['Y'], the graph wants ['X']"
    )


def test_outputs_must_be_the_graphs():
    graph = Graph(form="columns", score="score", label="label")
    assert (
        refused(ManifestError, graphs.cast(), graph=graph) == "m:1: the graph has the outputs ['score'], not ['label']"
    )


@pytest.mark.parametrize(
    ("dtype", "kind", "fed", "wanted"),
    [
        ("float32", INT64, "tensor(float)", "tensor(int64)"),
        ("int64", FLOAT, "tensor(int64)", "tensor(float)"),
        ("float64", FLOAT, "tensor(double)", "tensor(float)"),
        ("string", FLOAT, "tensor(string)", "tensor(float)"),
        ("bool", STRING, "tensor(bool)", "tensor(string)"),
    ],
)
def test_inputs_must_be_of_the_features_types(dtype, kind, fed, wanted):
    expected = f"m:1: the manifest feeds {fed} to 'x', the graph wants {wanted}"
    assert refused(ManifestError, graphs.cast(kind), feature("x", dtype)) == expected


def test_a_matrix_must_be_of_its_features_type():
    matrix = Graph(form="matrix", input="X", score="score")
    message = refused(ManifestError, graphs.linear(1), feature("x", "int64"), graph=matrix)
    assert message == "m:1: the manifest feeds tensor(int64) to 'X', the graph wants tensor(float)"


def test_scores_must_be_numbers_and_labels_labels():
    model = graphs.model_bytes(
        [helper.make_node("Cast", ["x"], ["words"], to=STRING), helper.make_node("Identity", ["x"], ["numbers"])],
        [value("x", FLOAT, [None, 1])],
        [value("words", STRING, [None, 1]), value("numbers", FLOAT, [None, 1])],
    )
    message = refused(ManifestError, model, graph=Graph(form="columns", score="words"))
    assert message == "m:1: output 'words' is tensor(string); expected tensor(float) or tensor(double)"
    message = refused(ManifestError, model, graph=Graph(form="columns", score="numbers", label="numbers"))
    assert message == "m:1: output 'numbers' is tensor(float); expected tensor(int64) or tensor(string)"


def test_a_zipped_map_is_no_score():
    model = graphs.model_bytes(
        [helper.make_node("ZipMap", ["x"], ["score"], domain="ai.onnx.ml", classlabels_strings=["a"])],
        [value("x", FLOAT, [None, 1])],
        [
            helper.make_value_info(
                "score",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, None))
                ),
            )
        ],
    )
    message = refused(ManifestError, model)
    assert message == "m:1: output 'score' is seq(map(string,tensor(float))); expected tensor(float) or tensor(double)"


def test_a_graph_that_cannot_be_built_is_refused():
    broken = graphs.model_bytes(
        [helper.make_node("NoSuchOperator", ["x"], ["score"])],
        [value("x", FLOAT, [None])],
        [value("score", FLOAT, [None])],
    )
    assert refused(ModelRefusedError, broken).startswith("m:1: onnxruntime cannot run the graph: ")
    assert refused(ModelRefusedError, b"junk") == "m:1: model.onnx is not an ONNX model"


def test_raw_outputs_of_a_graph_without_a_manifest():
    columns = graphs.payment_columns(3)
    label, probabilities = run_raw(graphs.payments(), {name: column[:, None] for name, column in columns.items()})
    assert label.shape == (3,)
    assert probabilities.shape == (3, 2)
    with pytest.raises(ScoringError, match="Required inputs"):
        run_raw(graphs.cast(), {})
    with pytest.raises(ModelRefusedError, match="is not an ONNX model"):
        run_raw(b"junk", {})


def test_a_provider_that_this_machine_lacks_is_passed_over_with_a_warning(caplog):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    wanted = OnnxScorer(
        graphs.payments(), graphs.PAYMENT_FEATURES, graphs.PAYMENT_GRAPH, source="fraud:3", providers=("cuda", "cpu")
    )
    assert len(wanted.run(graphs.payment_columns(3)).scores) == 3
    assert "fraud:3: onnxruntime has no CUDAExecutionProvider here" in caplog.text
