import numpy as np
import pytest

from scoring import Position
from telemetry.collection.layout import layout_of
from telemetry.collection.rows import keep
from tests.observing.collection.making import KEY, card_manifest, facts_of, payment, pipeline_of, placed, settings
from tests.scoring.makers import event, feature, manifest


def kept(facts, places, **more):
    return keep(facts, places, layout_of(facts.manifest, settings(**more)), 5)


def test_the_chosen_rows_and_no_others():
    events = [event(**payment(number, **({"amount": None} if number == 1 else {}))) for number in range(5)]
    facts = facts_of(pipeline_of(card_manifest()), placed(events))
    found = kept(facts, [0, 1, 3], columns=["amount", "card"]).unpack()  # of the rows 0, 2, 3, 4
    assert [each.event_id for each in found.predictions] == ["tx-0", "tx-2", "tx-4"]
    assert found.positions == [Position("tx", 0, offset) for offset in (0, 2, 4)]
    assert {name: column.tolist() for name, column in found.columns.items()} == {
        "amount": [0, 0.25, 0.5],
        "card": ["4000000000000000", "4000000000000002", "4000000000000004"],
    }


@pytest.mark.parametrize("model", [manifest(feature("x"), feature("y")), card_manifest()])
def test_nothing_of_the_batch_is_held(model):
    events = [event(id=str(number), x=1, y=2, amount=3, card="4") for number in range(100)]
    facts = facts_of(pipeline_of(model), events)
    found = kept(facts, list(range(100))).unpack()
    for name, column in found.columns.items():
        assert column.base is None
        assert not np.shares_memory(column, facts.columns[name])


def test_a_batch_without_positions_has_none():
    events = [event(**payment(number)) for number in range(3)]
    pipeline = pipeline_of(card_manifest())
    assert kept(facts_of(pipeline, events), [0, 1]).unpack().positions is None
    mixed = [placed(events)[0], *events[1:]]
    assert kept(facts_of(pipeline, mixed), [0, 1]).unpack().positions is None


def test_its_size_counts_texts():
    short, long = (
        kept(facts_of(pipeline_of(card_manifest()), [event(**payment(1, country="x" * size))]), [0]).size
        for size in (1, 201)
    )
    assert 200 <= long - short <= 204  # msgpack's length of a text grows with it
    assert short > 1024


@pytest.mark.parametrize(
    ("form", "is_placed", "sensitive", "hides"),
    [
        ("event", False, ["card"], False),  # made of the id
        ("event", False, ["id"], True),
        ("record", False, ["card"], True),  # a record has no id: made of its bytes
        ("record", True, ["card"], False),  # made of its place
        ("record", False, [], False),
    ],
)
def test_ids_are_hidden_where_they_would_tell(form, is_placed, sensitive, hides):
    fields = payment(1)
    if form == "record":
        del fields["id"]
    events = [event(**fields)]
    facts = facts_of(pipeline_of(card_manifest()), placed(events) if is_placed else events, form)
    assert kept(facts, [0], sensitive=sensitive, hash_key=KEY).hides_ids == hides
