"""A manifest survives its JSON, and every contradiction is refused in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import Baseline, Certificate, Graph, Lineage, Manifest, Outputs, parse_manifest
from scoring.errors import ManifestError
from tests.scoring.makers import DIGEST, feature, manifest

CERTIFICATE = Certificate(
    passed=True,
    tolerance=1e-5,
    score_difference=3e-7,
    flips=0,
    rows={"held_back": 100, "thresholds": 300},
    batch_sizes=(1, 2, 7),
    padding=2,
)
PLAIN = json.loads(manifest().model_dump_json())


def refused(change) -> str:
    """The message for the plain manifest after `change` has been done to it."""
    fields = json.loads(json.dumps(PLAIN))
    change(fields)
    messages = set()
    for text in (json.dumps(fields).encode(), fields):
        with pytest.raises(ManifestError) as caught:
            parse_manifest(text, source="here")
        messages.add(str(caught.value))
    (message,) = messages
    return message


def test_a_full_manifest_survives_its_json():
    full = manifest(
        feature("amount", "float32", nullable=True, minimum=0.5, maximum=9.5, path=("payment", "amount")),
        feature(
            "country", "string", max_length=2, categories=("de", "fr"), baseline=Baseline(counts=(3, 4, 1), nulls=2)
        ),
        feature("hour", "int64", baseline=Baseline(edges=(6.0, 12.0), counts=(1, 2, 3))),
        feature("photo", "image", shape=(3, 8, 8)),
        feature("vector", "tensor", shape=(2, 2)),
        task="binary",
        event_id=("id", "value"),
        graph=Graph(form="columns", label="label", score="probabilities"),
        outputs=Outputs(labels=("ok", "fraud"), positive="fraud", threshold=0.25),
        opset={"": 17, "ai.onnx.ml": 3},
        libraries={"skl2onnx": "1.20"},
        tags={"team": "risk"},
        properties={"auc": 0.5, "trees": 200, "note": "first"},
        lineage=Lineage(data_sets={"train": DIGEST}, run_id="r", commit="c", parent_version=1),
        certificate=CERTIFICATE,
    )
    again = parse_manifest(full.model_dump_json().encode(), source="here")
    assert again == full
    assert again.model_dump_json() == full.model_dump_json()
    assert [type(value) for value in again.properties.values()] == [float, int, str]


@given(st.lists(st.one_of(st.text(max_size=3), st.integers(-5, 5)), min_size=2, max_size=5, unique=True))
def test_labels_keep_their_types(labels):
    written = manifest(task="multiclass", outputs=Outputs(labels=tuple(labels)))
    read = parse_manifest(written.model_dump_json().encode(), source="here")
    assert [(type(label), label) for label in read.outputs.labels] == [(type(label), label) for label in labels]


def test_a_failed_certificate_survives_its_json_even_with_an_infinite_difference():
    failed = CERTIFICATE.model_copy(update={"passed": False, "score_difference": float("inf")})
    written = manifest(certificate=failed).model_dump_json()
    assert parse_manifest(written.encode(), source="here").certificate == failed


def test_a_reference_and_a_dotted_path():
    assert manifest(name="fraud", version=12).reference == "fraud:12"
    assert feature("x", path=("a", "b c", "d")).dotted == "a.b c.d"


def test_it_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        manifest().version = 2


BAD = {
    "not JSON": (b"{", "here: Invalid JSON: EOF while parsing an object at line 1 column 1"),
    "not UTF-8": (b'"\xff"', "here: Invalid JSON: invalid unicode code point at line 1 column 2"),
    "not an object": (b"[]", "here: Input should be an object"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_what_is_no_manifest_at_all(text, message):
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, source="here")
    assert str(caught.value) == message


def test_a_missing_field_is_named():
    assert refused(lambda fields: fields.pop("graph")) == "here: graph: is missing"


def test_a_time_without_a_zone_is_refused():
    message = refused(lambda fields: fields.update(created="2024-05-01T00:00:00"))
    assert message == "here: created: Input should have timezone info (found '2024-05-01T00:00:00')"


def test_an_unknown_field_is_named():
    assert refused(lambda fields: fields.update(colour=1)) == "here: colour: there is no such key"


def test_every_problem_is_named():
    message = refused(lambda fields: fields.update(version=0, digest="x"))
    assert message == (
        "here: version: Input should be greater than or equal to 1 (found 0); "
        "digest: String should match pattern '^[0-9a-f]{64}$' (found 'x')"
    )


def test_a_long_value_is_not_shown():
    message = refused(lambda fields: fields.update(name="A" * 1000))
    assert message == "here: name: String should match pattern '^[a-z0-9][a-z0-9._-]{0,63}$'"


@pytest.mark.parametrize("name", ["../x", "x/y", "", "X", ".x", "x\n", "x" * 65, "x y"])
def test_a_name_is_never_a_path(name):
    assert "here: name: String should match pattern" in refused(lambda fields: fields.update(name=name))


@pytest.mark.parametrize("key", ["", "x" * 257, '"', "\\", "\n", "\x00"])
def test_a_key_is_one_that_json_writes_as_it_is(key):
    message = refused(lambda fields: fields["features"][0].update(path=["a", key]))
    assert message.startswith("here: features.0.path.1: String should ")


@pytest.mark.parametrize(("field", "value"), [("minimum", float("nan")), ("maximum", float("inf"))])
def test_bounds_are_finite(field, value):
    message = refused(lambda fields: fields["features"][0].update({field: value}))
    assert message == f"here: features.0.{field}: Input should be a finite number (found {value})"


def first_feature(**changes):
    return lambda fields: fields["features"][0].update(changes)


def outputs(task, **changes):
    def change(fields):
        fields["task"] = task
        fields["outputs"].update(changes)

    return change


def matrix(*features, **graph):
    def change(fields):
        fields["graph"].update({"form": "matrix"} | graph)
        fields["features"] = [each.model_dump() for each in features or (feature("x"),)]

    return change


CONTRADICTIONS = {
    "null integer": (
        first_feature(dtype="int64", nullable=True),
        "features.0: feature x: int64 has no null; use float32 or float64",
    ),
    "shapeless tensor": (
        first_feature(dtype="tensor"),
        "features.0: feature x: image and tensor have a shape, tensor with None",
    ),
    "shaped number": (
        first_feature(shape=[2]),
        "features.0: feature x: image and tensor have a shape, float32 with (2,)",
    ),
    "flat image": (
        first_feature(dtype="image", shape=[8, 8]),
        "features.0: feature x: an image's shape is [channels, height, width], not (8, 8)",
    ),
    "image of two channels": (
        first_feature(dtype="image", shape=[2, 8, 8]),
        "features.0: feature x: an image has 1, 3 or 4 channels, not 2",
    ),
    "huge tensor": (
        first_feature(dtype="tensor", shape=[4097, 4096]),
        "features.0: feature x: 16781312 cells; at most 16777216",
    ),
    "no features": (
        lambda fields: fields.update(features=[]),
        "features: Tuple should have at least 1 item after validation, not 0",
    ),
    "empty path": (
        first_feature(path=[]),
        "features.0.path: Tuple should have at least 1 item after validation, not 0",
    ),
    "unknown dtype": (
        first_feature(dtype="int8"),
        (
            "features.0.dtype: Input should be 'float32', 'float64', 'int64', 'string', 'bool', 'text', 'image' or "
            "'tensor' (found 'int8')"
        ),
    ),
    "same name twice": (
        lambda fields: fields["features"].append(dict(fields["features"][0], path=["y"])),
        "feature names must differ: ['x']",
    ),
    "matrix without input": (matrix(), "graph.input must name the matrix's input"),
    "matrix of two dtypes": (
        matrix(feature("x"), feature("n", "int64"), input="X"),
        "one matrix holds features of one plain dtype, not ['float32', 'int64']",
    ),
    "matrix of tensors": (
        matrix(feature("x", "tensor", shape=(2,)), input="X"),
        "one matrix holds features of one plain dtype, not ['tensor']",
    ),
    "binary without labels": (
        outputs("binary"),
        "a binary model has two labels and a positive one, not ()",
    ),
    "binary without a positive label": (
        outputs("binary", labels=["a", "b"]),
        "a binary model has two labels and a positive one, not ('a', 'b')",
    ),
    "multiclass without labels": (
        outputs("multiclass"),
        "a multiclass model has two labels or more, not ()",
    ),
    "same label twice": (
        outputs("binary", labels=["a", "a"], positive="a"),
        "outputs.labels must differ: ('a', 'a')",
    ),
    "foreign positive label": (
        outputs("binary", labels=["a", "b"], positive="c"),
        "outputs.positive 'c' is none of ('a', 'b')",
    ),
    "threshold without labels": (
        outputs("regression", threshold=0.5),
        "outputs.threshold decides between two labels; a regression model has none",
    ),
    "top nothing": (
        outputs("regression", top_k=0),
        "outputs.top_k: Input should be greater than or equal to 1 (found 0)",
    ),
}


@pytest.mark.parametrize(("change", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused(change, message):
    assert refused(change) == f"here: {message}"


def test_a_binary_label_one_is_not_the_string_one():
    message = refused(outputs("binary", labels=["0", "1"], positive=1))
    assert message == "here: outputs.positive 1 is none of ('0', '1')"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(Manifest.model_fields)), inner),
        max_leaves=8,
    )
)
def test_any_json_is_a_manifest_or_a_manifest_error(value):
    with pytest.raises(ManifestError, match=r"^here: "):
        parse_manifest(json.dumps(value).encode(), source="here")
