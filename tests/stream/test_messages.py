import pytest

from scoring import Event, ModelIdentity, Position, Prediction, Rejected, encode
from stream_worker.messages import dead_letter, prediction_messages, split

MODEL = ModelIdentity(name="fraud", version=3, digest="0" * 64)
REJECTED = Rejected("wrong_type", "amount: expected a number, found a string", "payment.amount")


def event(offset, partition=0, **more):
    return Event(b'{"id": %d}' % offset, f"k{offset}".encode(), position=Position("tx", partition, offset), **more)


def prediction(number):
    return Prediction(f"{number:032x}", f"e{number}", MODEL, "fraud", 0.5 + number)


class TestSplit:
    def test_all_predicted(self):
        events, outcomes = [event(0), event(1)], [prediction(0), prediction(1)]
        assert split(events, outcomes) == (events, outcomes, [])

    def test_all_rejected(self):
        assert split([event(0)], [REJECTED]) == ([], [], [(event(0), REJECTED)])

    def test_mixed_each_in_order(self):
        events = [event(number) for number in range(5)]
        outcomes = [REJECTED, prediction(1), REJECTED, prediction(3), prediction(4)]
        answered, predictions, refused = split(events, outcomes)
        assert answered == [events[1], events[3], events[4]]
        assert predictions == [outcomes[1], outcomes[3], outcomes[4]]
        assert refused == [(events[0], REJECTED), (events[2], REJECTED)]

    def test_one_outcome_too_few_is_a_defect(self):
        with pytest.raises(ValueError, match="shorter"):
            split([event(0), event(1)], [REJECTED])

    def test_nothing(self):
        assert split([], []) == ([], [], [])


class TestPredictionMessages:
    def test_value_key_and_partition(self):
        messages = prediction_messages([event(7, 2), event(8, 3)], [prediction(7), prediction(8)], 0.0)
        assert [m.value for m in messages] == encode([prediction(7), prediction(8)])
        assert [(m.key, m.partition) for m in messages] == [(b"k7", 2), (b"k8", 3)]

    def test_headers_say_where_from_and_when(self):
        [message] = prediction_messages([event(7, 2)], [prediction(7)], 1_700_000_000.1239)
        assert message.headers == [
            ("weir-source", b"tx/2/7"),
            ("weir-scored-at", b"2023-11-14T22:13:20.123+00:00"),
        ]

    def test_the_events_own_headers_are_not_carried_over(self):
        [message] = prediction_messages([event(7, headers=(("cookie", b"1"),))], [prediction(7)], 0.0)
        assert "cookie" not in dict(message.headers)

    def test_a_key_may_be_absent(self):
        [message] = prediction_messages([Event(b"{}", position=Position("tx", 0, 1))], [prediction(1)], 0.0)
        assert message.key is None


class TestDeadLetter:
    def test_the_event_is_untouched(self):
        headers = (("one", b"1"), ("one", b"2"))
        letter = dead_letter(event(7, 2, headers=headers), REJECTED, "fraud:3")
        assert (letter.value, letter.key, letter.partition) == (b'{"id": 7}', b"k7", 2)
        assert letter.headers[:2] == list(headers)

    def test_the_headers_say_why(self):
        letter = dead_letter(event(7, 2), REJECTED, "fraud:3")
        assert letter.headers == [
            ("weir-error-code", b"wrong_type"),
            ("weir-error-reason", b"amount: expected a number, found a string"),
            ("weir-error-field", b"payment.amount"),
            ("weir-source", b"tx/2/7"),
            ("weir-model", b"fraud:3"),
        ]

    def test_a_tombstone_stays_one(self):
        tombstone = Event(None, b"k", position=Position("tx", 0, 1))
        assert dead_letter(tombstone, Rejected("tombstone", "no value"), "m:1").value is None

    def test_words_outside_ascii(self):
        letter = dead_letter(event(1), Rejected("wrong_type", "h\u00f6he: \u2264 1", "h\u00f6he"), "m:1")
        assert dict(letter.headers)["weir-error-field"] == "h\u00f6he".encode()
