"""Two models over an archive: the same figures from any kind of archive, on any number of processes."""

import json
import math
import threading
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from scoring import Prediction, Rejected
from scoring.errors import ConfigurationError, WeirError
from stream_worker.replay.backtest.headline import flipped, headline
from stream_worker.replay.backtest.rows import NAMES
from stream_worker.replay.backtest.running import check_back_test, run_back_test
from stream_worker.replay.selection import Selection
from tests.replay.archives import write_capture, write_feature_parquet, write_parquet
from tests.replay.backtest.staging import Stage, events, groups, lines

COUNT = 1000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("back-test"))


@pytest.fixture(scope="module")
def archive(stage: Stage) -> Path:
    return lines(stage.folder, count=COUNT)


def rows_below(folder: Path) -> list[dict]:
    found = [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return found + [
        json.loads(line) for path in sorted(folder.rglob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]


def test_both_answers_are_those_of_the_pipelines(stage, archive, tmp_path):
    found, _ = run_back_test(stage.test(rows="jsonl", output=str(tmp_path), label="truth.fraud"), groups(archive))
    both = [stage.served(version).load().score(events(COUNT)) for version in (1, 2)]
    rows = rows_below(tmp_path)
    assert len(rows) == COUNT == found.records
    for row, event, *outcomes in zip(rows, events(COUNT), *both, strict=True):
        assert list(row) == list(NAMES)
        for role, outcome in zip(("champion", "challenger"), outcomes, strict=True):
            is_answer = isinstance(outcome, Prediction)
            assert row[f"{role}_score"] == (outcome.score if is_answer else None)
            assert row[f"{role}_label"] == (outcome.label if is_answer else None)
            assert row[f"{role}_error"] == (None if is_answer else outcome.code)
        assert row["label"] == int(json.loads(event.value)["truth"]["fraud"])
        answered = [outcome.label for outcome in outcomes if isinstance(outcome, Prediction)]
        assert row["flipped"] == (None if len(answered) < 2 else answered[0] != answered[1])
        assert (row["stream"], row["partition"], row["offset"]) == ("events", 0, None)
    assert sum(row["flipped"] or 0 for row in rows) == flipped(found) > 0
    assert found.refused == {("", "missing_field"): 10, ("missing_field", "missing_field"): 10}


def test_an_event_has_an_id_if_either_model_can_read_it(stage, archive, tmp_path):
    run_back_test(stage.test(rows="parquet", output=str(tmp_path)), groups(archive))
    rows = rows_below(tmp_path)
    assert [row["event_id"] for row in rows[:9]] == [f"tx-{number}" for number in range(9)]
    assert rows[9]["event_id"] is None  # nobody could read it
    assert rows[7]["champion_score"] is not None
    assert rows[7]["challenger_error"] == "missing_field"


@pytest.mark.parametrize("form", ["capture", "parquet", "features"])
def test_every_kind_of_archive_gives_the_same_figures(stage, archive, form, tmp_path):
    if form == "capture":
        write_capture(tmp_path, events(COUNT), per_file=300)
    elif form == "parquet":
        write_parquet(tmp_path / "a.parquet", events(COUNT), row_group=300)
    else:
        write_feature_parquet(tmp_path / "a.parquet", events(COUNT), row_group=300)
    one, _ = run_back_test(stage.test(label="truth.fraud"), groups(archive))
    other, _ = run_back_test(stage.test(label="truth.fraud"), groups(tmp_path))
    assert other.compared == one.compared == 980
    assert other.labelled == one.labelled == 980
    np.testing.assert_array_equal(one.bins, other.bins)
    np.testing.assert_array_equal(one.confusions, other.confusions)
    for line, again in zip(headline(one), headline(other), strict=True):
        assert line.figures == pytest.approx(again.figures)
    assert [case.scores for case in one.furthest] == [case.scores for case in other.furthest]


def test_positions_stand_in_the_rows(stage, tmp_path):
    write_capture(tmp_path / "in", events(20), per_file=7)
    run_back_test(stage.test(rows="parquet", output=str(tmp_path / "out")), groups(tmp_path / "in"))
    rows = rows_below(tmp_path / "out")
    assert sorted((row["stream"], row["partition"], row["offset"]) for row in rows) == [
        ("payments", partition, offset) for partition in (0, 1) for offset in range(10)
    ]


def test_labels_may_come_from_a_file(stage, archive, tmp_path):
    table = tmp_path / "truth.csv"
    truths = {each["id"]: each["truth"]["fraud"] for each in (json.loads(event.value) for event in events(COUNT))}
    table.write_text("id,label\n" + "".join(f"{name},{int(truth)}\n" for name, truth in truths.items()))
    from_events, _ = run_back_test(stage.test(label="truth.fraud"), groups(archive))
    from_file, _ = run_back_test(stage.test(labels=str(table)), groups(archive))
    np.testing.assert_array_equal(from_file.confusions, from_events.confusions)
    table.write_text("event_id,fraud\ntx-1,1\ntx-2,no\n")
    found, _ = run_back_test(stage.test(labels=str(table), label="fraud"), groups(archive))
    assert (found.labelled, found.foreign) == (1, 1)


def test_two_processes_give_the_same(stage, tmp_path):
    made = [lines(tmp_path, f"{name}.jsonl", 300, seed=name) for name in range(3)]
    outputs = []
    for workers in (1, 2):
        output = tmp_path / f"out{workers}"
        found, tally = run_back_test(
            stage.test(rows="parquet", output=str(output), label="truth.fraud"), groups(*made), workers=workers
        )
        files = {
            str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()
        }
        figures = [line.figures for line in headline(found)]
        outputs.append((files, figures, found.furthest, found.scores.means.tolist(), msgspec.json.encode(tally)))
    assert outputs[0] == outputs[1]
    assert len(outputs[0][0]) == 3


def test_what_is_wrong_is_told_before_anything_is_written(stage, archive, tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.csv cannot be read: there is no such file$"):
        check_back_test(stage.test(labels=str(tmp_path / "none.csv")))


def test_progress_is_told(stage, archive):
    told: list[int] = []
    run_back_test(stage.test(), groups(archive), watch=told.append)
    assert told == sorted(told)
    assert told[-1] == COUNT


def test_a_selection(stage, tmp_path):
    write_capture(tmp_path, events(200), per_file=40)
    found, tally = run_back_test(stage.test(selection=Selection(from_sequence=10, to_sequence=30)), groups(tmp_path))
    assert found.records == 40
    assert tally.records == 40
    assert tally.outside > 0


def test_what_cannot_be_read_is_counted(stage, archive, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 is not all of it")
    found, tally = run_back_test(stage.test(label="truth.fraud"), [*groups(archive), *groups(tmp_path)])
    assert found.records == COUNT
    assert tally.problems == len(tally.shown) <= 1  # the plan tells of a file whose footer cannot be read


def test_columns_that_fit_only_one_model_are_a_problem(stage, tmp_path):
    write_feature_parquet(tmp_path / "a.parquet", [event for event in events(5) if event.value])
    table = pq.read_table(tmp_path / "a.parquet").drop_columns(["hour"])
    pq.write_table(table, tmp_path / "a.parquet")
    found, tally = run_back_test(stage.test(), groups(tmp_path))
    assert found.records == 0
    assert "hour" in tally.shown[0].words


def test_models_of_other_tasks_are_refused(stage, archive):
    values = stage.store.manifest("fraud", 1).model_copy(
        update={"name": "values", "task": "regression", "outputs": type(stage.store.manifest("fraud", 1).outputs)()}
    )
    stage.store.add(values, stage.store.model("fraud", 1))
    with pytest.raises(ConfigurationError, match=r"fraud:1 and values:1 cannot be compared: the first is a binary"):
        run_back_test(stage.test(challenger=stage.served(1, "values")), groups(archive))


def test_nothing_to_compare_on(stage):
    with pytest.raises(ConfigurationError, match=r"^there is nothing to compare the models on$"):
        run_back_test(stage.test(), [])


def test_a_model_against_itself(stage, archive):
    found, _ = run_back_test(stage.test(challenger=stage.served(1), label="truth.fraud"), groups(archive))
    assert flipped(found) == 0
    assert found.scores.correlation(0, 1) == pytest.approx(1)
    assert all(line.winner is None for line in headline(found))
    assert not any(math.isnan(figure) for line in headline(found) for figure in line.figures)
    assert found.refused == {("missing_field", "missing_field"): 10}


def test_what_is_refused_is_refused_alike(stage):
    outcomes = stage.served(1).load().score(events(10))
    assert isinstance(outcomes[9], Rejected)


def test_a_process_that_is_killed_is_told_in_words(stage, archive):
    ended = threading.Event()

    def kill() -> None:  # as soon as there is one: it is still importing then
        while not ended.wait(0.02):
            for child in psutil.Process().children():
                with suppress(psutil.Error):  # it may have ended meanwhile
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(WeirError) as raised:
            run_back_test(stage.test(), [*groups(archive)] * 2, workers=2)
    finally:
        ended.set()
        killer.join()
    assert str(raised.value) == "a process of the comparison was killed: begin it again, with fewer --workers"
