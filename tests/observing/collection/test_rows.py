import gc

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
@pytest.mark.parametrize("count", [1, 100])
def test_nothing_of_the_batch_is_held(model, count):
    events = [event(id=str(number), x=1, y=2, amount=3, card="4") for number in range(count)]
    facts = facts_of(pipeline_of(model), events)
    held = kept(facts, list(range(count)))
    assert all(isinstance(each, type) for each in gc.get_referents(held.packed))
    for name, column in held.unpack().columns.items():
        assert column.tolist() == facts.columns[name].tolist()
        assert not np.shares_memory(column, facts.columns[name])


def test_columns_of_one_kind_some_of_them_and_in_another_order():
    model = manifest(feature("x"), feature("y"), feature("z"))
    events = [event(x=number, y=number + 10, z=number + 20) for number in range(4)]
    found = kept(facts_of(pipeline_of(model), events), [1, 3], columns=["z", "x"]).unpack()
    assert {name: column.tolist() for name, column in found.columns.items()} == {"x": [1, 3], "z": [21, 23]}


def test_columns_of_every_kind():
    model = manifest(
        feature("f"),
        feature("d", "float64"),
        feature("i", "int64"),
        feature("b", "bool"),
        feature("t", "tensor", shape=(2, 3)),
    )
    tensor = [[1, 2, 3], [4, 5, 6]]
    events = [event(f=1.5, d=0.1, i=2**53 + 1, b=True, t=tensor)] * 2
    found = kept(facts_of(pipeline_of(model), events), [0, 1], columns=["f", "d", "i", "b", "t"]).unpack()
    assert {name: column.tolist() for name, column in found.columns.items()} == {
        "f": [1.5] * 2, "d": [0.1] * 2, "i": [2**53 + 1] * 2, "b": [True] * 2, "t": [tensor] * 2,
    }  # fmt: skip
    assert {name: column.dtype for name, column in found.columns.items()} == {
        "f": np.float32, "d": np.float64, "i": np.int64, "b": np.bool_, "t": np.float32,
    }  # fmt: skip


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
