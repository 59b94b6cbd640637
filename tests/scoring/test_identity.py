"""Prediction ids: the same for ever, and never shared by two kinds of identity."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from scoring import Event, Position
from scoring.identity import prediction_ids
from tests.scoring.makers import DIGEST

OTHER_DIGEST = "f" * 64
positions = st.builds(Position, st.text("ab/ 01", min_size=1, max_size=8), st.integers(0, 999), st.integers(0, 2**63))


def at(position: Position) -> str:
    return prediction_ids(DIGEST, [Event(b"{}", position=position)], None)[0]


def test_ids_stay_what_they_are():
    """Consumers remember these: a change here makes every replayed event look new."""
    assert prediction_ids(DIGEST, [Event(b"{}")], ["order-1"]) == ["c97fd4245f2f10b9fb2447994d17e356"]
    assert prediction_ids(DIGEST, [Event(b"{}", position=Position("topic", 3, 17))], None) == [
        "25400721591cb44564850268fa43cf7e"
    ]
    assert prediction_ids(DIGEST, [Event(b'{"x":1}')], None) == ["14fe5fda69cd4972d19e27c79cdbae02"]


def test_an_id_is_blake2b_of_digest_and_identity():
    assert at(Position("topic", 3, 17)) == blake2b(f"{DIGEST} at topic/3/17".encode(), digest_size=16).hexdigest()


def test_an_events_own_id_comes_before_its_position_and_bytes():
    ids = ["order-1", "order-1"]
    first, second = prediction_ids(DIGEST, [Event(b"1", position=Position("a", 0, 1)), Event(b"2")], ids)
    assert first == second


def test_a_position_comes_before_the_bytes():
    assert at(Position("a", 0, 1)) == prediction_ids(DIGEST, [Event(b"x", position=Position("a", 0, 1))], None)[0]


def test_key_headers_and_time_do_not_matter():
    plain, dressed = Event(b"{}"), Event(b"{}", key=b"k", headers=(("a", b"b"),), time=3)
    assert len(set(prediction_ids(DIGEST, [plain, dressed], None))) == 1


def test_another_model_gives_another_id():
    for events, ids in (
        ([Event(b"{}")], None),
        ([Event(b"{}")], ["1"]),
        ([Event(b"", position=Position("a", 0, 1))], None),
    ):
        assert prediction_ids(DIGEST, events, ids) != prediction_ids(OTHER_DIGEST, events, ids)


def test_kinds_cannot_pass_for_each_other():
    text = "topic/0/1"
    event = Event(text.encode())
    assert (
        len(
            {
                prediction_ids(DIGEST, [event], [text])[0],
                at(Position("topic", 0, 1)),
                prediction_ids(DIGEST, [event], None)[0],
            }
        )
        == 3
    )


@given(st.text(max_size=20), st.binary(max_size=20), positions)
def test_no_id_equals_one_of_another_kind(own, body, position):
    ids = {
        prediction_ids(DIGEST, [Event(body)], [own])[0],
        prediction_ids(DIGEST, [Event(body)], None)[0],
        at(position),
    }
    assert len(ids) == 3


@given(positions, positions)
def test_two_positions_share_an_id_only_if_equal(one, other):
    assert (at(one) == at(other)) == (one == other)


@given(st.lists(st.binary(max_size=8)))
def test_ids_do_not_depend_on_neighbours(bodies):
    events = [Event(body) for body in bodies]
    assert prediction_ids(DIGEST, events, None) == [prediction_ids(DIGEST, [event], None)[0] for event in events]
