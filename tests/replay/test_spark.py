"""Groups handed out to a Spark cluster; whole replays on one are in test_doors.py."""

from concurrent.futures import Future
from contextlib import closing

import pytest

from stream_worker.replay.journal import Journal
from stream_worker.replay.run import run
from tests.replay.reading import archive, payment
from tests.replay.staging import PART, Stage

pytest.importorskip("pyspark")

from stream_worker.replay import spark


def test_who_watches_takes_nothing_from_a_journal_that_is_being_written(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    groups = archive(tmp_path / "archive", [payment(number) for number in range(3 * PART)])
    left = iter(range(7))
    order = stage.order(groups)
    assert run(order, stop=lambda: next(left, None) is None) is None
    path = order.target.work.root / "journal" / f"{groups[0].name}.jsonl"
    path.write_bytes(content := path.read_bytes() + b'{"cursor": {"li')
    monkeypatch.setattr(spark, "_LOOK_S", 0.001)
    with closing(spark._watched(order.job, [groups], Future())) as watched:
        seen = next(watched)
    assert (seen.records, path.read_bytes()) == (2 * PART, content)
    assert Journal(order.target.work, groups[0].name).standing().parts == 2


def test_a_task_that_is_slow_is_not_given_to_another_executor_too():
    session = spark._session("local[1]")
    try:
        assert session.conf.get("spark.speculation") == "false"
    finally:
        session.stop()
