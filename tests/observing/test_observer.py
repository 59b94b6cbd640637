import dataclasses

import pytest

import telemetry
from telemetry import BatchFacts, Counters, NullObserver, Observers
from tests.observing.test_counters import facts


def test_each_observer_is_told_each_fact():
    one, two = Counters(), Counters()
    observers = Observers((one, NullObserver(), two))
    observers.batch(facts(5))
    observers.dropped(3)
    observers.lag(9)
    for counters in (one, two):
        assert (counters.events, counters.dropped_events, counters.waiting) == (3, 3, 9)
        assert counters.latency_ms(0.5) == 5


def test_nobody_needs_to_be_told():
    Observers(()).batch(facts())


def test_facts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts().events = 5


def test_facts_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        BatchFacts(1, 2, 3, {}, {}, None)  # type: ignore[misc,arg-type]


def test_what_the_package_offers():
    assert sorted(telemetry.__all__) == ["BatchFacts", "Counters", "NullObserver", "Observer", "Observers"]
    assert all(hasattr(telemetry, name) for name in telemetry.__all__)
