"""A table's columns get the bytes and the refusals of the events that hold the same values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scoring import Event, FakeScorer, Pipeline, Rejected, encode
from scoring.tables import lay_out, wrong_ids
from tests.scoring.makers import base64_text, feature, image_bytes, manifest

LARGEST = float(np.finfo(np.float32).max)
ABOVE = float(np.nextafter(LARGEST, np.inf))

FEATURES = (
    feature("single"),
    feature("maybe", nullable=True, path=("numbers", "maybe")),
    feature("double", "float64", path=("numbers", "double")),
    feature("rare", "float64", nullable=True),
    feature("count", "int64", path=("a", "b", "count")),
    feature("flag", "bool"),
    feature("word", "string", max_length=3),
    feature("note", "string", nullable=True, max_length=3),
    feature("text", "text", nullable=True, max_length=5),
)


def parts_of_all(columns):
    rows = len(columns["count"])
    total = np.zeros(rows)
    for index, name in enumerate(("single", "maybe", "double", "rare", "count", "flag")):
        total += np.nan_to_num(columns[name].astype(np.float64), nan=index + 0.5) / (index + 1)
    for name in ("word", "note", "text"):
        total += [sum(map(ord, each)) for each in columns[name]]
    return total


WITH_IDS = Pipeline(manifest(*FEATURES, event_id=("meta", "id")), FakeScorer(parts_of_all))
WITHOUT_IDS = Pipeline(manifest(*FEATURES), FakeScorer(parts_of_all))
ONLY_FLOATS = Pipeline(
    manifest(feature("single"), feature("maybe", nullable=True)),
    FakeScorer(
        lambda columns: columns["single"].astype(np.float64) + np.nan_to_num(columns["maybe"].astype(np.float64), nan=7)
    ),
)

doubles = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [LARGEST, -ABOVE, ABOVE, 1e39, -0.0, 5e-324]
)
singles = st.floats(width=32, allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63), 2**63 - 1)
words = st.text(st.characters(codec="utf-8"), max_size=6)


def masked(values, dtype):
    nulls = [value is None for value in values]
    array = np.array([0 if value is None else value for value in values], dtype)
    return np.ma.masked_array(array, nulls) if any(nulls) else array


def as_floats(values, dtype=np.float64):
    return np.array([np.nan if value is None else value for value in values], dtype)


def as_objects(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@st.composite
def tables(draw, with_ids: bool):
    """Rows as dicts of values, and the same as columns, in one of the types that a table may have for each."""
    rows = draw(st.integers(1, 6))

    def cells(strategy):
        return draw(st.lists(st.none() | strategy, min_size=rows, max_size=rows))

    def number():
        kind = draw(st.sampled_from(["doubles", "singles", "integers", "bytes", "masked"]))
        if kind == "doubles":
            return (values := cells(doubles)), as_floats(values)
        if kind == "singles":
            return (values := cells(singles)), as_floats(values, np.float32)
        if kind == "masked":
            return (values := cells(doubles)), masked(values, np.float64)
        strategy, dtype = (integers, np.int64) if kind == "integers" else (st.integers(0, 255), np.uint8)
        return (values := cells(strategy)), masked(values, dtype)

    found = {each.name: number() for each in FEATURES if each.dtype in ("float32", "float64")}
    kind = draw(st.sampled_from(["int64", "uint64", "float64"]))
    limits = {"int64": integers, "uint64": st.integers(0, 2**64 - 1), "float64": doubles}
    values = cells(limits[kind])
    found["count"] = (values, as_floats(values) if kind == "float64" else masked(values, kind))
    values = cells(st.booleans())
    found["flag"] = (values, masked(values, np.bool_))
    for name in ("word", "note", "text"):
        values = cells(words)
        found[name] = (values, as_objects(values))
    if draw(st.booleans()):
        del found[draw(st.sampled_from(sorted(found)))]
    ids = draw(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=4) | st.just("x" * 257),
                        min_size=rows, max_size=rows)) if with_ids else None  # fmt: skip
    bodies = [{name: values[row] for name, (values, _) in found.items()} for row in range(rows)]
    return bodies, {name: column for name, (_, column) in found.items()}, ids


def nested(body, event_id, with_ids):
    """The event whose fields stand in the manifest's order, as the table's do."""
    event = {"meta": {"id": event_id}} if with_ids else {}
    for each in FEATURES:
        if each.name in body:
            inner = event
            for key in each.path[:-1]:
                inner = inner.setdefault(key, {})
            inner[each.path[-1]] = body[each.name]
    return json.dumps(event).encode()


def bytes_of(outcomes):
    return [each if isinstance(each, Rejected) else encode([each])[0] for each in outcomes]


@pytest.mark.parametrize("with_ids", [True, False])
@given(data=st.data())
def test_columns_get_the_bytes_of_the_events_with_the_same_values(with_ids, data):
    bodies, columns, ids = data.draw(tables(with_ids))
    pipeline = WITH_IDS if with_ids else WITHOUT_IDS
    events = [Event(nested(body, ids[row] if ids else None, with_ids)) for row, body in enumerate(bodies)]
    expected = bytes_of(pipeline.score(events))
    prepared = pipeline.prepare_columns(events, columns, ids)
    assert bytes_of(pipeline.finish(pipeline.run(prepared))) == expected


@given(st.lists(st.tuples(st.none() | doubles, st.none() | doubles), min_size=1, max_size=9))
def test_models_of_floats_alone_get_one_block(rows):
    events = [Event(json.dumps({"single": one, "maybe": two}).encode()) for one, two in rows]
    columns = {"single": as_floats([one for one, _ in rows]), "maybe": as_floats([two for _, two in rows])}
    prepared = ONLY_FLOATS.prepare_columns(events, columns, None)
    assert bytes_of(ONLY_FLOATS.finish(ONLY_FLOATS.run(prepared))) == bytes_of(ONLY_FLOATS.score(events))


def reasons(described, columns, rows, ids=None):
    pipeline = Pipeline(described, FakeScorer(lambda columns: np.zeros(len(next(iter(columns.values()))))))
    return pipeline.prepare_columns([Event(None)] * rows, columns, ids).rejected


def test_infinity_which_json_has_no_word_for_is_refused():
    columns = {"x": np.array([1, np.inf, np.nan]), "y": np.array([-math.inf, 1, 1])}
    described = manifest(feature("x", nullable=True, path=("deep", "x")), feature("y", "float64"))
    assert reasons(described, columns, 3) == {
        0: Rejected("out_of_range", "y is -inf; expected a finite number", "y"),
        1: Rejected("out_of_range", "deep.x is inf; expected a finite number", "deep.x"),
    }


def test_bytes_that_are_not_text_are_refused():
    columns = {"x": as_objects(["a", b"\xff", None])}
    assert reasons(manifest(feature("x", "string", nullable=True)), columns, 3) == {
        1: Rejected("wrong_type", "x is not UTF-8; expected a string", "x")
    }


def test_a_column_that_is_missing_is_missing_in_each_row():
    described = manifest(feature("x"), feature("y", "string", nullable=True))
    assert reasons(described, {}, 2) == {
        row: Rejected("missing_field", "x is missing", "x") for row in range(2)
    }  # fmt: skip


def test_ids_that_are_wanted_and_not_given_are_null():
    described = manifest(feature("x"), event_id=("meta", "id"))
    (refused,) = reasons(described, {"x": np.ones(1)}, 1).values()
    assert (refused.code, refused.field) == ("wrong_type", "meta.id")
    assert refused.reason == "meta.id is null; expected an integer or a string"


def test_ids_that_nobody_wants_are_not_looked_at():
    pipeline = Pipeline(manifest(feature("x")), FakeScorer(lambda columns: columns["x"]))
    prepared = pipeline.prepare_columns([Event(b"a")], {"x": np.ones(1)}, [None])
    assert (prepared.event_ids, list(prepared.rows)) == (None, [0])


def test_images_and_tensors_are_checked_as_in_events():
    photo = base64_text(image_bytes(Image.new("L", (2, 2), 9)))
    described = manifest(feature("photo", "image", shape=(1, 2, 2)), feature("t", "tensor", shape=(2,)))
    columns = {
        "photo": as_objects([photo, "no", None, photo, photo]),
        "t": np.array([[1, 2], [1, 2], [1, 2], [1e39, 2], [np.nan, 2]]),
    }
    laid, wrong = lay_out(described.features, columns, 5)
    assert wrong.tolist() == [False, True, True, True, True]
    assert (laid["photo"].shape, laid["photo"][0].max(), laid["t"].dtype) == ((5, 1, 2, 2), 9, np.float32)
    assert {row: (why.code, why.field) for row, why in reasons(described, columns, 5).items()} == {
        1: ("invalid_image", "photo"),
        2: ("wrong_type", "photo"),
        3: ("out_of_range", "t"),
        4: ("wrong_type", "t[0]"),
    }


def test_a_tensor_of_another_shape_is_refused():
    _, wrong = lay_out((feature("t", "tensor", shape=(2,)),), {"t": np.ones((3, 4))}, 3)
    assert wrong.all()


@pytest.mark.parametrize(
    ("ids", "wrong"),
    [([], []), (["a", "b"], [False, False]), (["a", ""], [False, True]), (["x" * 256, "x" * 257], [False, True]),
     ([None, "a"], [True, False])],
)  # fmt: skip
def test_ids_have_between_1_and_256_characters(ids, wrong):
    assert wrong_ids(ids).tolist() == wrong


def test_no_rows_are_no_trouble():
    prepared = WITH_IDS.prepare_columns([], {name: np.empty(0) for name in ("single", "maybe")}, [])
    assert WITH_IDS.finish(WITH_IDS.run(prepared)) == []
