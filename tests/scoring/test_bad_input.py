"""Every way we know for an event to be bad: its code, field and reason, and its neighbours' unchanged bytes."""

import json
import time

import pytest

from scoring import Event, FakeScorer, Pipeline, Position, Rejected
from tests.scoring.makers import feature, manifest, published

PIPELINE = Pipeline(
    manifest(
        feature("amount", path=("payment", "amount")),
        feature("count", "int64", path=("payment", "count")),
        feature("country", "string", max_length=2, nullable=True),
        feature("known", "bool"),
        feature("vector", "tensor", shape=(2,)),
        event_id=("id",),
    ),
    FakeScorer(lambda columns: columns["amount"].astype(float) + columns["count"] + columns["vector"].max(axis=1)),
)
GOOD = '{"payment":{"amount":1.5,"count":3},"country":"de","known":true,"vector":[1,2],"id":"PLACE"}'
CARD = "4111111111111111"


def body(old: str = "", new: str = "", *, extra: str = "") -> bytes:
    """The good event with one thing changed, or with more fields at its end."""
    assert old in GOOD
    changed = GOOD.replace(old, new, 1) if old else GOOD
    return (changed.removesuffix("}") + extra + "}").encode()


def good(number: int) -> Event:
    return Event(GOOD.replace("PLACE", f"good-{number}").replace("1.5", str(number / 3)).encode(), key=b"k")


def nested(depth: int) -> bytes:
    """The good event with an unknown field, `depth` levels in all."""
    return body(extra=',"junk":' + "[" * (depth - 1) + "]" * (depth - 1))


def reasoned(code: str, reason: str, field: str = "") -> Rejected:
    return Rejected(code, reason, field)


BAD = {
    # not JSON
    "empty": (b"", reasoned("empty", "the event is empty; expected a JSON object")),
    "blank": (b"  \r\n", reasoned("empty", "the event is empty; expected a JSON object")),
    "tombstone": (None, reasoned("tombstone", "the event has no value (a tombstone); expected a JSON object")),
    "broken": (body()[:-1], reasoned("invalid_json", "the event is not JSON: input data was truncated")),
    "text": (b"hello", reasoned("invalid_json", "the event is not JSON: invalid character (byte 0)")),
    "single quotes": (
        b"{'id':1}",
        reasoned("invalid_json", "the event is not JSON: object keys must be strings (byte 1)"),
    ),
    "trailing garbage": (
        body() + b" x",
        reasoned("invalid_json", f"the event is not JSON: trailing characters (byte {len(body()) + 2})"),
    ),
    "two objects": (
        body() + body(),
        reasoned("invalid_json", f"the event is not JSON: trailing characters (byte {len(body()) + 1})"),
    ),
    "byte order mark": (
        b"\xef\xbb\xbf" + body(),
        reasoned("invalid_json", "the event is not JSON: invalid character (byte 0)"),
    ),
    "UTF-16": (
        GOOD.encode("utf-16-le"),
        reasoned("invalid_json", "the event is not JSON: object keys must be strings (byte 1)"),
    ),
    "invalid UTF-8": (
        body().replace(b'"de"', b'"\xff\xfe"'),
        reasoned("invalid_json", f"the event is not UTF-8 at byte {GOOD.index('de')}"),
    ),
    "lone surrogate": (
        body('"de"', '"\\ud800"'),
        reasoned("invalid_json", "the event is not JSON: unexpected end of escaped utf-16 surrogate pair (byte 53)"),
    ),
    "lone surrogate in an id": (
        body('"PLACE"', '"\\udc00"'),
        reasoned("invalid_json", "the event is not JSON: invalid utf-16 surrogate pair (byte 91)"),
    ),
    "NaN": (body("1.5", "NaN"), reasoned("invalid_json", "the event is not JSON: invalid character (byte 21)")),
    "Infinity": (
        body("1.5", "Infinity"),
        reasoned("invalid_json", "the event is not JSON: invalid character (byte 21)"),
    ),
    # not an object
    "array": (b"[1,2]", reasoned("wrong_type", "the event is an array of 2; expected an object")),
    "null": (b"null", reasoned("wrong_type", "the event is null; expected an object")),
    "a card's number": (
        CARD.encode(),
        reasoned("wrong_type", "the event is a number of 16 digits; expected an object"),
    ),
    # missing
    "missing field": (body('"known":true,', ""), reasoned("missing_field", "known is missing", "known")),
    "missing nested field": (
        body('"amount":1.5,', ""),
        reasoned("missing_field", "payment.amount is missing", "payment.amount"),
    ),
    "missing object": (
        body('"payment":{"amount":1.5,"count":3},', ""),
        reasoned("missing_field", "payment is missing", "payment"),
    ),
    "missing id": (body(',"id":"PLACE"', ""), reasoned("missing_field", "id is missing", "id")),
    # wrong types
    "string for a number": (
        body("1.5", f'"{CARD}"'),
        reasoned("wrong_type", "payment.amount is a string of 16 characters; expected a number", "payment.amount"),
    ),
    "null for a number": (
        body("1.5", "null"),
        reasoned("wrong_type", "payment.amount is null; expected a number", "payment.amount"),
    ),
    "boolean for a number": (
        body("1.5", "true"),
        reasoned("wrong_type", "payment.amount is true; expected a number", "payment.amount"),
    ),
    "null for an object": (
        body('{"amount":1.5,"count":3}', "null"),
        reasoned("wrong_type", "payment is null; expected an object", "payment"),
    ),
    "fraction for an integer": (
        body('"count":3', '"count":3.5'),
        reasoned("wrong_type", "payment.count is 3.5; expected an integer", "payment.count"),
    ),
    "a card's number for a boolean": (
        body("true", CARD),
        reasoned("wrong_type", "known is a number of 16 digits; expected true or false", "known"),
    ),
    "a card's number for a string": (
        body('"de"', CARD),
        reasoned("wrong_type", "country is a number of 16 digits; expected a string or null", "country"),
    ),
    "a card's number for an integer": (
        body('"count":3', f'"count":{CARD}.5'),
        reasoned("wrong_type", "payment.count is a number of 17 digits; expected an integer", "payment.count"),
    ),
    "a string in a tensor": (
        body("[1,2]", f'[1,"{CARD}"]'),
        reasoned("wrong_type", "vector[1] is a string of 16 characters; expected a number", "vector[1]"),
    ),
    "null for an id": (
        body('"PLACE"', "null"),
        reasoned("wrong_type", "id is null; expected an integer or a string", "id"),
    ),
    # out of range
    "infinite": (
        body("1.5", "1e999"),
        reasoned("out_of_range", "payment.amount is too large a number; expected one within 64 bits", "payment.amount"),
    ),
    "beyond float32": (
        body("1.5", "-1e39"),
        reasoned("out_of_range", "payment.amount is -1e+39; expected a number within float32", "payment.amount"),
    ),
    "a tensor beyond float32": (
        body("[1,2]", "[1,1e39]"),
        reasoned("out_of_range", "vector is 1e+39; expected a number within float32", "vector"),
    ),
    "65 bits": (
        body('"count":3', f'"count":{2**64}'),
        reasoned(
            "out_of_range",
            "payment.count is a number of 20 digits; expected an integer <= 9223372036854775807",
            "payment.count",
        ),
    ),
    "64 bits without a sign": (
        body('"count":3', f'"count":{2**63}'),
        reasoned(
            "out_of_range",
            "payment.count is a number of 19 digits; expected an integer <= 9223372036854775807",
            "payment.count",
        ),
    ),
    "an integer of 100,000 digits": (
        body('"count":3', f'"count":{"9" * 100_000}'),
        reasoned("out_of_range", "payment.count is too large a number; expected one within 64 bits", "payment.count"),
    ),
    "a number of 100,000 digits": (
        body("1.5", "9" * 100_000),
        reasoned("out_of_range", "payment.amount is too large a number; expected one within 64 bits", "payment.amount"),
    ),
    # too much
    "string too long": (
        body('"de"', '"deu"'),
        reasoned("too_long", "country is a string of 3 characters; expected a string of length <= 2", "country"),
    ),
    "id too long": (
        body("PLACE", "i" * 257),
        reasoned("too_long", "id is a string of 257 characters; expected a string of length <= 256", "id"),
    ),
    "array too long": (
        body("[1,2]", "[1,2,3]"),
        reasoned("too_long", "vector is an array of 3; expected an array of length <= 2", "vector"),
    ),
    "a million in the vector": (
        body("[1,2]", "[" + "1," * 500_000 + "1]"),
        reasoned("too_long", "vector is an array of 500001; expected an array of length <= 2", "vector"),
    ),
    "5 MB": (
        body(extra=',"junk":"' + "x" * 5_000_000 + '"'),
        reasoned("too_large", f"the event has {len(GOOD) + 5_000_010} bytes; at most 1048576 are accepted"),
    ),
    "65 levels": (nested(65), reasoned("too_deep", "the event nests deeper than 64 levels")),
    "100,000 levels": (nested(100_000), reasoned("too_deep", "the event nests deeper than 64 levels")),
    "100,000 objects": (b'{"id":' * 100_000, reasoned("too_deep", "the event nests deeper than 64 levels")),
    # the last of equal keys counts, and each must be of the right type
    "last of two is wrong": (
        body('"known":true', '"known":true,"known":0'),
        reasoned("wrong_type", "known is 0; expected true or false", "known"),
    ),
    "first of two is wrong": (
        body('"known":true', '"known":0,"known":true'),
        reasoned("wrong_type", "known is true; expected true or false", "known"),
    ),
    "last of two objects is empty": (
        body(extra=',"payment":{}'),
        reasoned("missing_field", "payment.amount, payment.count are missing", "payment.amount"),
    ),
}


@pytest.mark.parametrize(("value", "expected"), BAD.values(), ids=BAD)
def test_a_bad_event_is_rejected_and_its_neighbours_keep_their_bytes(value, expected):
    neighbours = [good(number) for number in range(5)]
    alone = [published(PIPELINE, [each])[0] for each in neighbours]
    bad = Event(value, position=Position("topic", 0, 1))
    outcomes = published(PIPELINE, [bad, *neighbours[:3], bad, bad, *neighbours[3:], bad])
    assert [outcomes[place] for place in (0, 4, 5, 8)] == [expected] * 4
    assert [outcomes[place] for place in (1, 2, 3, 6, 7)] == alone
    assert all(isinstance(each, bytes) for each in alone)
    assert CARD not in expected.reason


def test_all_bad_events_together():
    neighbours = [good(number) for number in range(len(BAD))]
    events = [
        each for value, neighbour in zip(BAD.values(), neighbours, strict=True) for each in (Event(value[0]), neighbour)
    ]
    outcomes = published(PIPELINE, events)
    assert outcomes[::2] == [expected for _, expected in BAD.values()]
    assert outcomes[1::2] == published(PIPELINE, neighbours)


def score_of(value: bytes) -> float:
    (outcome,) = published(PIPELINE, [Event(value)])
    assert isinstance(outcome, bytes), outcome
    return json.loads(outcome)["score"]


ODD_BUT_GOOD = {
    "duplicate key": (body('"amount":1.5', '"amount":9,"amount":1.5'), 6.5),
    "duplicate object": (body(extra=',"payment":{"amount":2.5,"count":4}'), 8.5),
    "duplicate of an unknown key": (body(extra=',"junk":1,"junk":"x"'), 6.5),
    "null where it may be": (body('"de"', "null"), 6.5),
    "absent where it may be": (body('"country":"de",', ""), 6.5),
    "integer for a float": (body("1.5", "2"), 7.0),
    "a float in exponents": (body("1.5", "15E-1"), 6.5),
    "underflow": (body("1.5", "1e-999"), 5.0),
    "minus zero": (body('"count":3', '"count":-0'), 3.5),
    "a whole number beyond 64 bits for a float": (body("1.5", str(2**64)), float(2**64)),
    "spaces": (b" \n\t" + body() + b"\r\n ", 6.5),
    "escaped key": (body('"amount"', '"\\u0061mount"'), 6.5),
    "surrogate pair": (body('"de"', '"\\ud83d\\ude00x"'), 6.5),
    "64 levels": (nested(64), 6.5),
    "a huge array in an unknown field": (body(extra=',"junk":[' + "1," * 500_000 + "1]"), 6.5),
    "many objects in an unknown field": (body(extra=',"junk":[' + '{"a":[]},' * 100_000 + "1]"), 6.5),
    "a huge number in an unknown field": (body(extra=',"junk":' + "9" * 100_000), 6.5),
    "infinity in an unknown field": (body(extra=',"junk":1e999'), 6.5),
    "invalid UTF-8 in an unknown field": (body(extra=',"junk":"X"').replace(b"X", b"\xff"), 6.5),
    "brackets in a string": (body(extra=',"junk":"' + "[{" * 1000 + '"'), 6.5),
    "close to a megabyte": (body(extra=',"junk":"' + "x" * 1_048_000 + '"'), 6.5),
}


@pytest.mark.parametrize(("value", "score"), ODD_BUT_GOOD.values(), ids=ODD_BUT_GOOD)
def test_what_is_odd_but_good_is_scored(value, score):
    assert score_of(value) == pytest.approx(score, rel=1e-6)


def from_depth(depth: int, function):
    return function() if depth == 0 else from_depth(depth - 1, function)


@pytest.mark.parametrize("depth", [63, 64, 65, 66])
def test_nesting_is_judged_alike_from_every_stack_depth(depth):
    outcomes = [from_depth(frames, lambda: published(PIPELINE, [Event(nested(depth))])) for frames in (0, 50, 300, 700)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert isinstance(outcomes[0][0], bytes) == (depth <= 64)


def test_a_batch_of_the_worst_is_quick():
    worst = [Event(value) for value, _ in BAD.values()] * 5
    started = time.process_time()
    PIPELINE.score(worst)
    assert time.process_time() - started < 5
