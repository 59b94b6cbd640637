import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import FakeScorer, Pipeline, Prediction
from telemetry import RowFacts
from telemetry.collection.sampling import bound_of, chosen
from tests.observing.collection.making import card_manifest, facts_of, payment, pipeline_of, placed
from tests.scoring.makers import event


def predictions(count):
    model = pipeline_of(card_manifest()).model
    ids = [hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest() for number in range(count)]
    return [Prediction(each, None, model, "no", 0.5) for each in ids]


def of(outcomes):
    return RowFacts(manifest=card_manifest(), events=(), outcomes=outcomes, rows=range(len(outcomes)), columns={})


OUTCOMES = predictions(20_000)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.25, 0.9])
def test_the_share_is_about_right(share):
    found = len(chosen(of(OUTCOMES), bound_of(share)))
    assert abs(found - share * len(OUTCOMES)) < 4 * (share * len(OUTCOMES)) ** 0.5


def test_all_are_all():
    highest = Prediction("f" * 32, None, OUTCOMES[0].model, "no", 0.5)
    assert chosen(of([*OUTCOMES, highest]), bound_of(1)) == list(range(20_001))


@given(st.floats(1e-12, 1), st.floats(1e-12, 1))
def test_a_larger_share_has_all_of_a_smaller_one(one, other):
    less, more = (set(chosen(of(OUTCOMES[:500]), bound_of(share))) for share in (min(one, other), max(one, other)))
    assert less <= more


@given(st.floats(1e-12, 1), st.integers(0, 16**32 - 1))
def test_an_id_is_below_the_bound_as_a_number_is(share, number):
    outcome = Prediction(f"{number:032x}", None, OUTCOMES[0].model, "no", 0.5)
    assert bool(chosen(of([outcome]), bound_of(share))) == (number >> 64 < round(share * 16**16))


def test_what_was_rejected_is_not_collected():
    pipeline = pipeline_of(card_manifest())
    events = [event(**payment(0)), event(**payment(1, amount="much")), event(**payment(2))]
    facts = facts_of(pipeline, events)
    assert list(facts.rows) == [0, 2]
    assert chosen(facts, bound_of(1)) == [0, 1]


def test_nor_what_passed_the_checks_and_had_no_finite_score():
    model = card_manifest()
    scorer = FakeScorer(lambda columns: np.stack([columns["amount"], np.log(columns["amount"] - 1)], axis=1))
    with np.errstate(invalid="ignore"):
        facts = facts_of(Pipeline(model, scorer), [event(**payment(1, amount=amount)) for amount in (2, 0.5, 3)])
    assert list(facts.rows) == [0, 1, 2]
    assert chosen(facts, bound_of(1)) == [0, 2]


def test_the_same_events_through_every_door_and_in_any_batch():
    pipeline = pipeline_of(card_manifest())
    events = [event(**payment(number)) for number in range(1000)]

    def found(batch):
        facts = facts_of(pipeline, batch)
        places = chosen(facts, bound_of(0.1))
        return [facts.outcomes[facts.rows[place]].event_id for place in places]

    http = [each for one in events for each in found([one])]
    stream = [each for start in range(0, 1000, 64) for each in found(placed(events)[start : start + 64])]
    assert http == stream == found(events)
    assert 50 < len(http) < 150
