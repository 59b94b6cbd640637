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
    observers.lag({0: 4, 1: 5})
    for counters in (one, two):
        assert (counters.events, counters.dropped_events, counters.waiting) == (3, 3, 9)
        assert counters.latency_ms(0.5) == 5


def test_nobody_needs_to_be_told():
    Observers(()).batch(facts())


def test_an_observer_that_fails_is_told_in_the_log_and_nobody_else_suffers(caplog):
    class Broken(NullObserver):
        def publishing(self, events, stages):
            raise RuntimeError("no")

        batch = fetched = failed = scored = committed = dropped = lag = publishing

    class Marks(NullObserver):
        def publishing(self, events, stages):
            return (("traceparent", b"00-1"),)

    counters = Counters()
    observers = Observers((Broken(), counters, Marks()))
    assert observers.publishing((), ()) == (("traceparent", b"00-1"),)
    observers.batch(facts(5))
    observers.dropped(3)
    assert (counters.events, counters.dropped_events) == (3, 3)
    assert caplog.text.count("an observer failed") == 3


def test_facts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts().events = 5


def test_facts_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        BatchFacts(1, 2, 3, {}, (), None, None)  # type: ignore[misc,arg-type]


def test_what_the_package_offers():
    facts_and_figures = {"BatchFacts", "Counters", "RowFacts", "SliceFacts", "Stage", "Traced"}
    hooks = {
        "NullObserver",
        "NullRequests",
        "Observer",
        "Observers",
        "RequestObserver",
        "Watched",
        "NullSlices",
        "SliceObserver",
    }
    assert set(telemetry.__all__) == facts_and_figures | hooks | {"Place", "StreamSubject"}
    assert all(hasattr(telemetry, name) for name in telemetry.__all__)
