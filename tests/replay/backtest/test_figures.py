"""The figures as JSON: all that the page has, and null where nothing is known."""

import json

import pytest

from stream_worker.replay.backtest.figures import to_json
from stream_worker.replay.backtest.headline import headline
from stream_worker.replay.comparison import compare, nothing
from stream_worker.replay.tally import Tally
from tests.replay.backtest.batches import LABELS, batch, subject, terms

TASKS = sorted(LABELS)


def found(task: str, comparison=None, tally: Tally | None = None) -> dict:
    text = to_json(comparison or compare(terms(task), batch(task)), subject(task), tally or Tally())
    assert text.endswith(b"\n")
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("task", TASKS)
def test_it_has_the_headline(task):
    comparison = compare(terms(task), batch(task))
    figures = found(task, comparison)
    assert figures["measures"].keys() == {line.name for line in headline(comparison)}
    for line in headline(comparison):
        told = figures["measures"][line.name]
        assert (told["champion"], told["challenger"]) == pytest.approx(line.figures)
    assert figures["compared"] == comparison.compared
    assert figures["what_follows"]


def test_it_has_the_models_and_the_archive():
    figures = found("binary", tally=Tally(duplicates=1, outside=2, problems=3))
    assert figures["champion"] == {"name": "model", "version": 1, "digest": "0123456789abcdef" * 4, "threshold": 0.5}
    assert figures["challenger"]["version"] == 2
    assert figures["archive"] == {"files": 1, "bytes": 12_345}
    assert (figures["duplicates"], figures["not_asked_for"], figures["problems"]) == (1, 2, 3)


def test_it_has_every_table():
    figures = found("binary")
    decisions = figures["decisions"]
    assert sum(pair["events"] for pair in decisions["pairs"]) == figures["compared"]
    flips = [pair["events"] for pair in decisions["pairs"] if pair["champion"] != pair["challenger"]]
    assert sum(flips) == decisions["flipped"]
    for table in decisions["confusions"].values():
        assert sum(cell["events"] for cell in table) == figures["labelled"]
    assert {row["champion"] for row in figures["refused"]} == {None, "wrong_type"}
    assert figures["events"] - figures["compared"] == sum(row["events"] for row in figures["refused"])


def test_it_has_every_hundredth_as_a_threshold():
    rows = found("binary")["thresholds"]
    assert [row["threshold"] for row in rows] == [number / 100 for number in range(100)]
    assert rows[0]["differ"] == 0
    for row in rows:
        for role in ("champion", "challenger"):
            assert row[role]["flagged"] >= row[role]["true"] + row[role]["false"]
    assert "thresholds" not in found("regression")


@pytest.mark.parametrize("task", TASKS)
def test_what_is_not_known_is_null(task):
    figures = found(task, nothing(terms(task)))
    assert figures["difference"]["mean"] is None
    assert figures["difference"]["quantiles"]["0.5"] is None
    assert figures["measures"] == {}
    assert figures["what_follows"] == []


@pytest.mark.parametrize("task", TASKS)
def test_it_is_the_same_each_time(task):
    made = [to_json(compare(terms(task), batch(task)), subject(task), Tally()) for _ in range(2)]
    assert made[0] == made[1]
