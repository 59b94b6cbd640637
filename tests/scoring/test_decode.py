"""Decoding a batch: one answer a body, in order, whatever the neighbours are."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import Rejected
from scoring.decode import MAX_EVENT_BYTES, Decoder
from scoring.nesting import MAX_DEPTH
from scoring.schema import event_schema
from tests.scoring.makers import feature, manifest

STRUCT = event_schema(manifest(feature("x"), feature("s", "string", nullable=True))).struct
DECODER = Decoder(STRUCT, max_bytes=2000)


def nested(depth: int) -> bytes:
    """An event of exactly `depth` levels."""
    return b'{"x":1,"junk":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def alone(value, decoder=DECODER):
    (outcome,) = decoder.decode([value])
    return outcome


BODIES = [
    b'{"x":1}',
    b'{"x":2.5,"s":"a"}',
    b'{"x":3,"s":null,"junk":{"a":[1,{"b":2}]}}',
    b'{"x":4,"s":"' + b"[" * 200 + b'"}',
    b'{"x":5,"junk":[' + b"[]," * 100 + b"0]}",
    nested(64),
    nested(65),
    nested(600),
    b'{"x":"no"}',
    b"{}",
    b"",
    None,
    b"{",
    b"\xff",
    b'{"x":1,"s":"\xff"}',
    b'{"x":6,"s":"' + b"a" * 100 + b'"}',
    b'{"x":7,"junk":"' + b"a" * 2000 + b'"}',
]


@given(st.lists(st.sampled_from(BODIES), max_size=12))
def test_a_body_decodes_as_it_does_alone(values):
    assert DECODER.decode(values) == [alone(value) for value in values]


@given(
    st.lists(
        st.none()
        | st.binary(max_size=12)
        | st.recursive(
            st.none() | st.floats(allow_nan=False) | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["x", "s", "y"]), inner),
        )
        .map(json.dumps)
        .map(str.encode)
    )
)
def test_anything_is_a_struct_or_a_rejection(values):
    outcomes = DECODER.decode(values)
    assert len(outcomes) == len(values)
    for value, outcome in zip(values, outcomes, strict=True):
        assert isinstance(outcome, Rejected) or outcome == msgspec.json.decode(value, type=STRUCT)


def test_every_body_of_a_batch_may_be_bad():
    assert {outcome.code for outcome in DECODER.decode([b"{", b"", b"[]"] * 50)} == {
        "invalid_json",
        "empty",
        "wrong_type",
    }
    assert DECODER.decode([]) == []


def test_a_tombstone():
    assert alone(None) == Rejected("tombstone", "the event has no value (a tombstone); expected a JSON object")


def test_size_is_bounded_exactly():
    body = b'{"x":1,"junk":"' + b"a" * 1983 + b'"}'
    assert len(body) == 2000
    assert isinstance(alone(body), STRUCT)
    assert alone(body + b" ") == Rejected("too_large", "the event has 2001 bytes; at most 2000 are accepted")


def test_a_megabyte_is_the_bound_unless_told_otherwise():
    assert MAX_EVENT_BYTES == 1_048_576
    assert alone(b" " * 5_000_000, Decoder(STRUCT)) == Rejected(
        "too_large", "the event has 5000000 bytes; at most 1048576 are accepted"
    )


def called_from(depth: int, function):
    """What the function returns when its caller stands `depth` frames further down."""
    return function() if depth == 0 else called_from(depth - 1, function)


@pytest.mark.parametrize("depth", [0, 100, 400, 700])
def test_64_levels_pass_and_65_do_not_from_any_stack_depth(depth):
    outcomes = called_from(depth, lambda: DECODER.decode([nested(MAX_DEPTH), nested(MAX_DEPTH + 1), nested(900)]))
    assert outcomes == [alone(nested(MAX_DEPTH)), TOO_DEEP, TOO_DEEP]
    assert isinstance(outcomes[0], STRUCT)


TOO_DEEP = Rejected("too_deep", f"the event nests deeper than {MAX_DEPTH} levels")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_100000_levels(opening):
    decoder = Decoder(STRUCT)
    assert alone(b'{"x":1,"junk":' + opening * 100_000, decoder) == TOO_DEEP
    assert alone(opening * 100_000, decoder) == TOO_DEEP
