"""The structs built from a manifest: any keys, any nesting, and what may be absent."""

import json

import msgspec
import pytest

from scoring.columns import EVENT_ID, transpose
from scoring.errors import ManifestError
from scoring.schema import EVENT_ID_LENGTH, event_schema
from tests.scoring.makers import feature, manifest


def read(described, *events):
    """The values of each feature over the events, through the structs of a manifest."""
    schema = event_schema(described)
    decode = msgspec.json.Decoder(schema.struct).decode
    return transpose(schema, [decode(json.dumps(event)) for event in events])


def test_values_are_found_where_their_paths_lead():
    described = manifest(
        feature("a"),
        feature("b", "int64", path=("deep", "er", "b")),
        feature("c", "string", path=("deep", "c")),
        event_id=("deep", "er", "id"),
    )
    values = read(
        described,
        {"a": 1.5, "deep": {"c": "x", "er": {"b": 2, "id": "one"}}},
        {"deep": {"er": {"id": 7, "b": 3, "junk": [1]}, "c": "y"}, "a": 2, "junk": None},
    )
    assert {name: list(column) for name, column in values.items()} == {
        "a": [1.5, 2.0],
        "b": [2, 3],
        "c": ["x", "y"],
        EVENT_ID: ["one", 7],
    }


ODD_KEYS = [
    "a b",
    "a.b",
    "a[0]",
    "`",
    "class",
    "field_0",
    "__init__",
    "é",
    "日本",
    "/",
    " - at `$.x`",
    "$",
    "\x7f",
    "\u2028",
]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_keys_are_anything(key):
    described = manifest(feature("x", path=(key,)), feature("y", path=("object", key)))
    assert read(described, {key: 1, "object": {key: 2}}) == {"x": (1.0,), "y": (2.0,)}


def test_all_odd_keys_together():
    described = manifest(*(feature(f"f{index}", path=(key,)) for index, key in enumerate(ODD_KEYS)))
    values = read(described, {key: index for index, key in enumerate(ODD_KEYS)})
    assert values == {f"f{index}": (float(index),) for index in range(len(ODD_KEYS))}


def test_a_key_may_be_escaped_in_the_event():
    schema = event_schema(manifest(feature("é")))
    assert transpose(schema, [msgspec.json.decode(b'{"\\u00e9":1}', type=schema.struct)]) == {"é": (1.0,)}


def test_a_feature_may_share_its_name_with_anothers_key():
    described = manifest(feature("x", path=("y",)), feature("y", path=("x",)))
    assert read(described, {"x": 1, "y": 2}) == {"x": (2.0,), "y": (1.0,)}


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([("a",), ("a",)], "path a stands in the manifest twice, or leads to another feature's object"),
        ([("a", "b"), ("a",)], "path a stands in the manifest twice, or leads to another feature's object"),
        ([("a",), ("a", "b")], "path a.b leads through the value at 'a'"),
        ([("o", "a"), ("o", "a", "b", "c")], "path o.a.b.c leads through the value at 'a'"),
    ],
)
def test_paths_that_contradict_each_other(paths, message):
    described = manifest(*(feature(f"f{index}", path=path) for index, path in enumerate(paths)))
    with pytest.raises(ManifestError) as caught:
        event_schema(described)
    assert str(caught.value) == message


def test_an_event_id_may_not_be_a_feature_too():
    with pytest.raises(ManifestError, match="path x stands in the manifest twice"):
        event_schema(manifest(feature("x"), event_id=("x",)))


OPTIONAL = manifest(
    feature("a", nullable=True, path=("group", "a")),
    feature("b", "string", nullable=True, path=("group", "inner", "b")),
    feature("c", path=("c",)),
)


@pytest.mark.parametrize(
    "event",
    [
        {"c": 1},
        {"c": 1, "group": None},
        {"c": 1, "group": {}},
        {"c": 1, "group": {"a": None}},
        {"c": 1, "group": {"inner": None}},
        {"c": 1, "group": {"inner": {}, "a": None}},
        {"c": 1, "group": {"inner": {"b": None}}},
    ],
)
def test_an_object_of_nullables_may_be_null_empty_or_absent(event):
    assert read(OPTIONAL, event) == {"a": (None,), "b": (None,), "c": (1.0,)}


def test_absent_and_present_objects_mix():
    values = read(
        OPTIONAL, {"c": 1}, {"c": 2, "group": {"a": 5, "inner": {"b": "x"}}}, {"c": 3, "group": {"inner": None}}
    )
    assert {name: list(column) for name, column in values.items()} == {
        "a": [None, 5.0, None],
        "b": [None, "x", None],
        "c": [1.0, 2.0, 3.0],
    }


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "Object missing required field `group`"),
        ({"group": None}, "Expected `object`, got `null` - at `$.group`"),
        ({"group": {"a": 1}}, "Object missing required field `b` - at `$.group`"),
        ({"group": [1]}, "Expected `object`, got `array` - at `$.group`"),
    ],
)
def test_an_object_that_holds_something_required_is_required(event, message):
    described = manifest(feature("a", nullable=True, path=("group", "a")), feature("b", path=("group", "b")))
    with pytest.raises(msgspec.ValidationError) as caught:
        read(described, event)
    assert str(caught.value) == message


def test_an_event_of_nullables_alone_is_still_an_object():
    described = manifest(feature("a", nullable=True))
    assert read(described, {}) == {"a": (None,)}
    with pytest.raises(msgspec.ValidationError, match="Expected `object`, got `null`"):
        read(described, None)


@pytest.mark.parametrize("own", ["x", "x" * EVENT_ID_LENGTH, 0, -(2**63), 2**63 - 1])
def test_an_event_id_is_a_string_or_an_integer(own):
    assert read(manifest(event_id=("id",)), {"x": 1, "id": own})[EVENT_ID] == (own,)


@pytest.mark.parametrize("own", ["", "x" * (EVENT_ID_LENGTH + 1), None, 1.5, True, [], 2**63])
def test_an_event_id_is_nothing_else(own):
    with pytest.raises(msgspec.ValidationError):
        read(manifest(event_id=("id",)), {"x": 1, "id": own})


def test_a_tensors_shape_is_held_at_every_level():
    described = manifest(feature("t", "tensor", shape=(2, 1)))
    assert read(described, {"t": [[1], [2]]}) == {"t": ([[1.0], [2.0]],)}
    for wrong in ([[1]], [[1], [2], [3]], [[1], []], [[1], [2, 3]], [1, 2], [[1], [None]], 1):
        with pytest.raises(msgspec.ValidationError):
            read(described, {"t": wrong})
