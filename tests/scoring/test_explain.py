"""Reasons: they name the field, what was found and what was expected, and show nothing of the event."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import Rejected
from scoring.explain import describe, explain, without_long_numbers
from scoring.schema import event_schema
from tests.scoring.makers import feature, manifest


def explained(value: bytes, *features, **more) -> Rejected:
    struct = event_schema(manifest(*features, **more)).struct
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as caught:
        msgspec.json.decode(value, type=struct)
    return explain(value, caught.value)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-3.5, "-3.5"),
        (12345678901, "12345678901"),
        (123456789012, "a number of 12 digits"),
        (4111111111111111, "a number of 16 digits"),
        (-4111111111111111, "a number of 16 digits"),
        (411111111111.1111, "a number of 16 digits"),
        (1e300, "1e+300"),
        ("4111111111111111", "a string of 16 characters"),
        ("", "a string of 0 characters"),
        ([1, 2], "an array of 2"),
        ({"a": 1}, "an object of 1 fields"),
    ],
)
def test_a_value_in_words(found, words):
    assert describe(found) == words


@given(
    st.recursive(
        st.text(alphabet="secret", min_size=6) | st.integers(10**12, 10**30),
        lambda inner: st.lists(inner) | st.dictionaries(st.just("secretkey"), inner),
    )
)
def test_no_word_shows_text_or_a_long_number(found):
    words = describe(found)
    assert "secre" not in words
    assert len([character for character in words if character.isdigit()]) < 12


CASES = {
    "string for a number": (
        b'{"x":"17"}',
        feature("x"),
        "wrong_type",
        "x is a string of 2 characters; expected a number",
    ),
    "null for a number": (b'{"x":null}', feature("x"), "wrong_type", "x is null; expected a number"),
    "array for a nullable": (
        b'{"x":[]}',
        feature("x", nullable=True),
        "wrong_type",
        "x is an array of 0; expected a number or null",
    ),
    "fraction for an integer": (b'{"x":1.5}', feature("x", "int64"), "wrong_type", "x is 1.5; expected an integer"),
    "whole float for an integer": (b'{"x":2.0}', feature("x", "int64"), "wrong_type", "x is 2.0; expected an integer"),
    "number for a boolean": (b'{"x":1}', feature("x", "bool"), "wrong_type", "x is 1; expected true or false"),
    "boolean for an integer": (b'{"x":true}', feature("x", "int64"), "wrong_type", "x is true; expected an integer"),
    "number for a string": (
        b'{"x":4111111111111111}',
        feature("x", "string"),
        "wrong_type",
        "x is a number of 16 digits; expected a string",
    ),
    "object for an image": (
        b'{"x":{"a":1,"b":2}}',
        feature("x", "image", shape=(1, 2, 2)),
        "wrong_type",
        "x is an object of 2 fields; expected a string",
    ),
    "long string": (
        b'{"x":"abcd"}',
        feature("x", "string", max_length=3),
        "too_long",
        "x is a string of 4 characters; expected a string of length <= 3",
    ),
    "large integer": (
        b'{"x":9223372036854775808}',
        feature("x", "int64"),
        "out_of_range",
        "x is a number of 19 digits; expected an integer <= 9223372036854775807",
    ),
    "small integer": (
        b'{"x":-9223372036854775809}',
        feature("x", "int64"),
        "out_of_range",
        "x is a number of 19 digits; expected an integer >= -9223372036854775808",
    ),
    "integer of 5000 digits": (
        b'{"x":1' + b"0" * 4999 + b"}",
        feature("x", "int64"),
        "out_of_range",
        "x is too large a number; expected one within 64 bits",
    ),
    "infinite float": (
        b'{"x":1e999}',
        feature("x"),
        "out_of_range",
        "x is too large a number; expected one within 64 bits",
    ),
    "short array": (
        b'{"x":[1]}',
        feature("x", "tensor", shape=(2,)),
        "wrong_type",
        "x is an array of 1; expected an array of length >= 2",
    ),
    "long array": (
        b'{"x":[1,2,3]}',
        feature("x", "tensor", shape=(2,)),
        "too_long",
        "x is an array of 3; expected an array of length <= 2",
    ),
}


@pytest.mark.parametrize(("value", "wanted", "code", "reason"), CASES.values(), ids=CASES)
def test_a_wrong_value(value, wanted, code, reason):
    assert explained(value, wanted) == Rejected(code, reason, "x")


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (b"{}", "customer", "customer is missing"),
        (b'{"customer":{}}', "customer.address", "customer.address is missing"),
        (b'{"customer":{"address":{"zip code":1}}}', "customer.address.a`b", "customer.address.a`b is missing"),
    ],
)
def test_a_missing_field_is_named_from_the_root(value, field, reason):
    wanted = feature("x", path=("customer", "address", "a`b"))
    assert explained(value, wanted) == Rejected("missing_field", reason, field)


def test_a_wrong_value_is_named_from_the_root():
    wanted = feature("x", "tensor", shape=(2, 2), path=("a", "b"))
    assert explained(b'{"a":{"b":[[1,2],[3,"4"]]}}', wanted) == Rejected(
        "wrong_type", "a.b[1][1] is a string of 1 characters; expected a number", "a.b[1][1]"
    )
    assert explained(b'{"a":[]}', wanted) == Rejected("wrong_type", "a is an array of 0; expected an object", "a")


@pytest.mark.parametrize("key", ["a.b", "a[0]", "`", "]", "a]["])
def test_a_key_that_looks_like_a_path_is_still_named(key):
    rejected = explained(json.dumps({key: "17"}).encode(), feature("x", path=(key,)))
    assert (rejected.code, rejected.field) == ("wrong_type", key)
    assert rejected.reason in {
        f"{key} is a string of 2 characters; expected a number",
        f"{key} is not what it should be; expected a number",
    }


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (b'""', "id is a string of 0 characters; expected a string of length >= 1"),
        (b"null", "id is null; expected an integer or a string"),
        (b"1.5", "id is 1.5; expected an integer or a string"),
        (b'"' + b"i" * 257 + b'"', "id is a string of 257 characters; expected a string of length <= 256"),
    ],
)
def test_an_event_id(own, reason):
    assert explained(b'{"x":1,"id":' + own + b"}", event_id=("id",)).reason == reason


@pytest.mark.parametrize(
    ("value", "code", "reason"),
    [
        (b"", "empty", "the event is empty; expected a JSON object"),
        (b" \n\t", "empty", "the event is empty; expected a JSON object"),
        (b"{", "invalid_json", "the event is not JSON: input data was truncated"),
        (b'{"x":1}}', "invalid_json", "the event is not JSON: trailing characters (byte 8)"),
        (b'{"x":NaN}', "invalid_json", "the event is not JSON: invalid character (byte 5)"),
        (b'{"x":1,}', "invalid_json", "the event is not JSON: trailing comma in object (byte 7)"),
        (b"\xef\xbb\xbf{}", "invalid_json", "the event is not JSON: invalid character (byte 0)"),
        (b"[1,2]", "wrong_type", "the event is an array of 2; expected an object"),
        (b"null", "wrong_type", "the event is null; expected an object"),
        (b"4111111111111111", "wrong_type", "the event is a number of 16 digits; expected an object"),
    ],
)
def test_the_event_as_a_whole(value, code, reason):
    assert explained(value) == Rejected(code, reason)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"])
def test_bytes_that_are_not_utf8_are_counted_from_the_events_start(bad):
    value = '{"é":0,"s":"ab'.encode() + bad + b'"}'
    expected = Rejected("invalid_json", "the event is not UTF-8 at byte 15")
    assert explained(value, feature("s", "string")) == expected


def test_a_value_that_cannot_be_found_again_is_not_shown():
    broken = b'{"x":"secret", 4111111111111111'
    assert explained(broken) == Rejected("wrong_type", "x is not what it should be; expected a number", "x")


def test_of_a_key_that_comes_twice_the_last_value_is_described():
    assert explained(b'{"x":"secret","x":2}').reason == "x is 2; expected a number"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("idx=4111111111111111 must be within [-5,4]", "idx=(a number of 16 digits) must be within [-5,4]"),
        ("idx=12345678901 is out", "idx=12345678901 is out"),
        ("no numbers", "no numbers"),
    ],
)
def test_long_numbers_are_hidden_in_other_programs_words(message, shown):
    assert without_long_numbers(message) == shown


class TestSeveralMissingFields:
    class Card(msgspec.Struct):
        country: str
        age: int | None = None

    class Payment(msgspec.Struct):
        amount: float
        hour: int
        card: "TestSeveralMissingFields.Card | None"
        note: str = ""

    @pytest.mark.parametrize(
        ("value", "field", "reason"),
        [
            (b'{"amount":1,"hour":2,"card":{}}', "card.country", "card.country is missing"),
            (b'{"note":"x"}', "amount", "amount, hour, card are missing"),
            (b'{"hour":1,"card":{}}', "card.country", "card.country, amount are missing"),
        ],
    )
    def test_all_of_them_are_named(self, value, field, reason):
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.json.decode(value, type=self.Payment)
        rejected = explain(value, caught.value, (), self.Payment)
        assert (rejected.field, rejected.reason) == (field, reason)

    def test_the_list_is_bounded(self):
        many = msgspec.defstruct("Many", [(f"f{number}", int) for number in range(20)])
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.json.decode(b"{}", type=many)
        assert explain(b"{}", caught.value, (), many).reason.endswith("f10, f11 and 8 more are missing")
