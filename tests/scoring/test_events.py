"""Events and positions are values."""

import pytest

from scoring import Event, Position


def test_a_position_reads_like_a_path():
    assert str(Position("transactions", 3, 17)) == "transactions/3/17"


def test_an_event_is_all_optional_but_its_value():
    event = Event(b"{}")
    assert (event.value, event.key, event.headers, event.position, event.time) == (b"{}", None, (), None, None)


def test_events_compare_by_what_they_hold():
    assert Event(b"1", position=Position("a", 0, 1)) == Event(b"1", position=Position("a", 0, 1))
    assert Event(b"1", position=Position("a", 0, 1)) != Event(b"1", position=Position("a", 0, 2))


@pytest.mark.parametrize("value", [Event(b"{}"), Position("a", 0, 1)])
def test_they_cannot_be_changed(value):
    name = value.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(value, name, None)


def test_a_header_may_come_twice():
    headers = (("trace", b"1"), ("trace", b"2"))
    assert Event(b"{}", headers=headers).headers == headers
