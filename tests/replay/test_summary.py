"""What a replay came to, as a file."""

import json

from stream_worker.replay.histogram import Bar
from stream_worker.replay.records import File, Group, Problem
from stream_worker.replay.summary import summary_of
from stream_worker.replay.tally import SHOWN, Tally
from tests.models.graphs import payments_manifest

ONE, TWO = (File(path=f"{name}.avro", size=100, version="v") for name in "ab")
GROUPS = [
    Group(number=number, name=str(number), kind="capture", files=files, stream="tx", partition=number)
    for number, files in enumerate([(ONE, TWO), (TWO,)])
]


def test_all_of_it():
    tally = Tally(
        records=10,
        predictions=7,
        dead_letters={"empty": 3},
        labels={"no": 5, "yes": 2},
        scores={0: 5, 99: 2},
        duplicates=1,
        outside=4,
        problems=1,
        shown=(Problem(path="b.avro", offset=17, words="cut off"),),
        ends={"tx/1": 7, "tx/10": 3, "tx/2": 9},
    )
    summary = summary_of(payments_manifest(), GROUPS, tally)
    text = summary.to_json()
    found = json.loads(text)
    assert text.endswith(b"}\n")
    assert list(found) == [
        "model", "archive", "records", "predictions", "labels", "dead_letters", "duplicates", "not_asked_for",
        "problems", "first_problems", "scores", "ends",
    ]  # fmt: skip
    assert found["model"] == {"name": "payments", "version": 1, "digest": payments_manifest().digest}
    assert found["archive"] == {"groups": 2, "files": 2, "bytes": 200}
    assert found["first_problems"] == [{"file": "b.avro", "offset": 17, "words": "cut off"}]
    assert found["scores"][0] == {"from": 0.0, "to": 0.05, "count": 5}
    assert found["scores"][-1] == {"from": 0.95, "to": 1.0, "count": 2}
    assert summary.bars[-1] == Bar(0.95, 1.0, 2)
    assert list(found["ends"].items()) == [("tx/1", 7), ("tx/2", 9), ("tx/10", 3)]


def test_nothing():
    found = summary_of(payments_manifest(), [], Tally())
    assert (found.records, found.scores, found.archive.files) == (0, [], 0)


def test_tallies_add_up_in_the_order_of_their_keys():
    one = Tally(records=1, dead_letters={"wrong_type": 1}, labels={"yes": 1}, scores={5: 1})
    other = Tally(records=2, dead_letters={"empty": 1, "wrong_type": 2}, scores={1: 1})
    both = one + other
    assert (both.records, both.errors) == (3, 4)
    assert list(both.dead_letters.items()) == [("empty", 1), ("wrong_type", 3)]
    assert both == other + one


def test_of_two_ends_of_a_partition_the_further_one_counts():
    one, other = Tally(ends={"tx/0": 7, "tx/1": 2}), Tally(ends={"tx/1": 5, "tx/0": 6})
    assert (one + other).ends == (other + one).ends == {"tx/0": 7, "tx/1": 5}


def test_only_the_first_problems_are_kept_in_words():
    many = tuple(Problem(path="a", offset=number, words="cut off") for number in range(700))
    both = Tally(problems=700, shown=many) + Tally(problems=700, shown=many)
    assert (both.problems, len(both.shown)) == (1400, SHOWN)
    assert both.shown[:700] == many
