"""Replays from their plan to their output: interrupted, gone on with, refused, in one process and in several."""

import os
import random
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from scoring.errors import ConfigurationError, SinkError, WeirError
from stream_worker.replay import processes
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.processes import in_order, in_processes
from stream_worker.replay.records import File, Group, Problem
from stream_worker.replay.run import run
from stream_worker.replay.selection import Selection
from tests.replay.reading import FEW, archive, payment, read
from tests.replay.staging import PART, Stage, content, deadly, lines

RECORDS = 150
DAMAGE = Problem(path="b.avro", offset=0, words="not an Avro file")


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


@pytest.fixture
def groups(stage):
    """Three groups of different lengths; one record in twenty is bad."""
    records = [payment(number) if number % 20 else b"{}" for number in range(RECORDS)]
    return archive(stage.folder / "archive", records[:90], records[90:100], records[100:])


def stop_after(portions):
    left = iter(range(portions - 1))
    return lambda: next(left, None) is None


@pytest.mark.parametrize("workers", [1, 2])
def test_the_output_is_what_the_live_service_publishes(workers, stage, groups):
    summary = run(stage.order(groups, workers=workers))
    assert lines(stage.folder / "out") == stage.published(groups)
    assert (summary.records, summary.predictions, summary.dead_letters) == (150, 142, {"missing_field": 8})
    assert (stage.folder / "out" / "summary.json").read_bytes() == summary.to_json()
    assert (stage.folder / "out" / "histogram.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in stage.folder.iterdir()) == ["archive", "out", "store"]


@pytest.mark.parametrize("rows", ["jsonl", "parquet"])
def test_stopped_after_any_portion_it_ends_with_the_same_bytes(rows, stage, groups):
    run(stage.order(groups, to="whole", rows=rows))
    expected = content(stage.folder / "whole")
    for portions in range(1, RECORDS // FEW, 3):
        order = stage.order(groups, to=f"cut-{portions}", rows=rows)
        assert run(order, stop=stop_after(portions)) is None
        assert not (stage.folder / f"cut-{portions}").exists()
        assert run(order) is not None
        assert content(stage.folder / f"cut-{portions}") == expected


def test_stopped_again_and_again(stage, groups):
    run(stage.order(groups, to="whole"))
    order, chance, runs = stage.order(groups), random.Random(5), 1
    while run(order, stop=stop_after(PART // FEW + chance.randrange(3))) is None:
        runs += 1
    assert runs > 3
    assert content(stage.folder / "out") == content(stage.folder / "whole")


def test_two_processes_that_are_stopped(stage, groups):
    run(stage.order(groups, to="whole"))
    assert run(stage.order(groups, workers=2), stop=stop_after(4)) is None
    run(stage.order(groups, workers=2))
    assert content(stage.folder / "out") == content(stage.folder / "whole")


def test_a_process_that_dies_is_told_and_gone_on_after(stage, groups):
    run(stage.order(groups, to="whole"))
    with pytest.raises(WeirError) as error:
        run(stage.order(groups, workers=2, reader=deadly))
    text = str(error.value)
    assert text.startswith("process ")
    assert " was killed by SIGKILL while it was at part=" in text
    assert text.endswith("; what was finished is kept: the same command goes on from there")
    assert not (stage.folder / "out").exists()
    (stage.folder / "archive" / "0.killed").touch()
    (stage.folder / "archive" / "2.killed").touch()
    assert run(stage.order(groups, workers=2, reader=deadly)) is not None
    assert content(stage.folder / "out") == content(stage.folder / "whole")


def refusing(group, *, cursor, **more):
    if group.number == 1:
        raise ConfigurationError("the archive does not keep it")
    yield from read(group, cursor=cursor, **more)


def defective(group, **_):
    raise ZeroDivisionError(group.name)
    yield


def test_what_a_process_raises_is_raised_here(stage, groups):
    with pytest.raises(ConfigurationError, match="the archive does not keep it"):
        run(stage.order(groups, workers=2, reader=refusing))
    with pytest.raises(RuntimeError, match="ZeroDivisionError: part=") as error:
        run(stage.order(groups, workers=2, reader=defective))
    assert "raise ZeroDivisionError(group.name)" in error.value.__notes__[0]


def test_processes_that_cannot_load_the_model(stage, groups):
    (stage.folder / "store" / "payments" / "1" / "model.onnx").write_bytes(b"tampered")
    with pytest.raises(WeirError, match=r"payments:1: model\.onnx has the SHA-256"):
        run(stage.order(groups, workers=2))


def test_a_process_that_dies_when_it_is_given_work_is_told(groups, monkeypatch):
    def hire(_):
        ours, theirs = processes.multiprocessing.get_context("spawn").Pipe()
        process = processes.multiprocessing.get_context("spawn").Process(target=os._exit, args=(3,))
        process.start()
        process.join()
        theirs.close()
        return processes._Hand(process, ours)

    monkeypatch.setattr(processes, "_hire", hire)
    monkeypatch.setattr(processes, "_hear", lambda _: "idle")
    with pytest.raises(
        WeirError, match=r"^process \d+ ended with 3 while it was at part=0; what was finished is kept: "
    ):
        list(in_processes(None, [[group] for group in groups], 1))


def test_lanes_keep_the_order_of_partitions_and_keys():
    def group(number, kind, path, *, stream="tx", partition=0):
        file = File(path=path, size=1, version="")
        return Group(number=number, name=path, kind=kind, files=(file,), stream=stream, partition=partition)

    def lanes(tables):
        return sorted([each.number for each in lane] for lane in in_order(groups, tables))

    groups = [
        group(0, "capture", "0.avro"),
        group(1, "capture", "1.avro", partition=1),
        group(2, "capture", "2.avro", partition=0),
        group(3, "jsonl", "3.jsonl", stream="3"),
        group(4, "parquet", "4.parquet", stream="4"),
        group(5, "parquet", "5.parquet", stream="5"),
        group(6, "parquet", "5.parquet", stream="5"),
        group(7, "parquet", "rows.parquet", stream="rows"),
    ]
    assert lanes(()) == [[0, 2], [1], [3], [4], [5, 6], [7]]
    assert lanes({"4.parquet", "5.parquet"}) == [[0, 1, 2, 4, 5, 6], [3], [7]]


def test_processes_end_with_who_goes_through_their_steps(stage, groups):
    order = stage.order(groups, workers=2)
    steps = in_processes(order.job, [[group] for group in groups], 2)
    first = next(steps)
    assert first.process != os.getpid()
    steps.close()
    assert not Path(f"/proc/{first.process}").exists()


def test_a_finished_output_is_not_made_again(stage, groups):
    run(stage.order(groups))
    before = content(stage.folder)
    with pytest.raises(ConfigurationError) as error:
        run(stage.order(groups))
    out = stage.folder / "out"
    assert str(error.value) == f"{out} is there already: pass --overwrite to replace it, or name another output"
    assert content(stage.folder) == before


def test_a_finished_output_is_replaced_when_that_is_asked_for(stage, groups):
    run(stage.order(groups))
    fewer = groups[:1]
    assert run(stage.order(fewer, overwrite=True), stop=stop_after(5)) is None
    assert len(lines(stage.folder / "out")) == 142
    run(stage.order(fewer, overwrite=True))
    assert lines(stage.folder / "out") == stage.published(fewer)


def interrupted(stage, groups, **more):
    assert run(stage.order(groups, **more), stop=stop_after(5)) is None


def refused(order):
    with pytest.raises(ConfigurationError) as error:
        run(order)
    text = str(error.value)
    start, end = f"an unfinished replay in {order.target.work} cannot go on: ", ". Pass --overwrite to begin anew, or "
    assert text.startswith(start)
    assert text.endswith(f"{end}undo the change")
    return text.removeprefix(start).partition(end)[0]


def test_a_changed_option_is_told(stage, groups):
    interrupted(stage, groups, options={"--format": "jsonl", "--stream": "tx"})
    changed = stage.order(groups, options={"--format": "parquet", "--partition": "1"})
    assert refused(changed) == (
        "--format was jsonl and is parquet; --partition was not given and is 1; --stream was tx and is not given"
    )


def test_a_changed_archive_is_told(stage, groups):
    interrupted(stage, groups)
    with Path(groups[0].files[0].path).open("ab") as file:
        file.write(payment(1) + b"\n")
    found = Path(groups[0].files[0].path).stat()
    grown = replace_file(groups[0], size=found.st_size, version=str(found.st_mtime_ns))
    before, after = (f"{each.files[0].size:,}" for each in (groups[0], grown))
    path = groups[0].files[0].path
    assert refused(stage.order([grown, *groups[1:]])) == f"{path} has changed ({before} bytes then, {after} now)"
    assert refused(stage.order(groups[1:])) == f"{path} is gone"


def test_many_changed_files_are_counted(stage, groups):
    interrupted(stage, groups[:1])
    more = archive(stage.folder / "more", *[[payment(1)]] * 5)
    told = refused(stage.order([groups[0], *more]))
    assert told.count(" is new") == 3
    assert told.endswith("; and so have 2 more files")


def test_groups_that_are_cut_in_another_way(stage, groups):
    interrupted(stage, groups)
    renamed = [replace_struct(groups[0], name="other"), *groups[1:]]
    assert refused(stage.order(renamed)) == (
        "the archive is cut into groups in another way: it was begun by another version of Weir"
    )


def test_another_model_is_told(stage, groups):
    interrupted(stage, groups)
    order = stage.order(groups)
    other = replace(order, premises=replace_struct(order.premises, model="payments:2"))
    assert refused(other) == "the model was payments:1 and is payments:2 (--model payments:1 goes on with the former)"
    other = replace(order, premises=replace_struct(order.premises, manifest="0" * 64))
    assert refused(other) == "payments:1 is not the model of that name that it was begun with"


def test_another_way_to_serve_the_model_is_told(stage, groups):
    interrupted(stage, groups)
    order = stage.order(groups)
    other = replace(order, premises=replace_struct(order.premises, served={"providers": "cuda, cpu"}))
    assert refused(other) == "providers was not given and is cuda, cpu"
    assert order.premises.mistaken_for(other.premises) == []


def test_a_plan_of_another_version(stage, groups):
    interrupted(stage, groups)
    order = stage.order(groups)
    order.target.work.put("plan.json", b"{}")
    assert refused(order) == "its plan.json was written by another version of Weir"


def test_what_changed_is_begun_anew_when_that_is_asked_for(stage, groups):
    interrupted(stage, groups, options={"--format": "parquet"})
    run(stage.order(groups, overwrite=True))
    assert lines(stage.folder / "out") == stage.published(groups)


def test_a_part_that_is_gone_is_told(stage, groups):
    interrupted(stage, groups)
    part = next((stage.folder / "out.partial" / "output" / "predictions").rglob("*.jsonl"))
    part.unlink()
    with pytest.raises(SinkError) as error:
        run(stage.order(groups))
    work = stage.folder / "out.partial"
    assert str(error.value) == f"{part} is not the file that was written there; remove {work} to begin anew"


def test_too_many_errors_stop_it(stage, groups):
    with pytest.raises(WeirError) as error:
        run(stage.order(groups, threshold="3"))
    assert str(error.value) == (
        "4 dead letters and problems among 64 records are more than --error-threshold 3 allows; "
        "with a higher one, or -1 for none, the same command goes on from here"
    )
    assert not (stage.folder / "out").exists()
    assert run(stage.order(groups, threshold="8")).predictions == 142


def test_a_share_of_errors_is_judged_in_the_end(stage, groups):
    with pytest.raises(WeirError, match=r"^9 dead letters and problems among 150 records .* 5\.5% allows"):
        run(stage.order(groups, threshold="5.5%", problems=[DAMAGE]))
    assert run(stage.order(groups, threshold="6%", problems=[DAMAGE])).problems == 1


def test_problems_are_told_in_the_order_of_the_archive(stage):
    groups = archive(stage.folder / "archive", [payment(0), b"!second"], [b"!third", payment(1)])
    summary = run(stage.order(groups, workers=2, problems=[DAMAGE]))
    assert [each.words for each in summary.first_problems] == ["not an Avro file", "second", "third"]
    assert (summary.problems, summary.predictions) == (3, 2)


def test_who_watches_is_told_how_far_all_is(stage, groups):
    interrupted(stage, groups)
    seen = []
    run(stage.order(groups), watch=lambda totals: seen.append((totals.records, totals.begun_with, totals.bytes_read)))
    assert [records for records, _, _ in seen[:2]] == [PART, PART + FEW]
    assert {begun for _, begun, _ in seen} == {PART}
    assert seen[-1] == (RECORDS, PART, sum(group.size for group in groups))


@pytest.mark.parametrize("rows", ["jsonl", "parquet"])
@pytest.mark.parametrize("workers", [1, 2])
def test_one_file(rows, workers, stage, groups):
    order = stage.order(groups, to=f"all.{rows}", rows=rows, workers=workers)
    assert run(order, stop=stop_after(7)) is None
    run(order)
    path = stage.folder / f"all.{rows}"
    if rows == "jsonl":
        found = path.read_bytes().splitlines()
    else:
        found = [value.encode() for value in pq.read_table(path).column("prediction").to_pylist()]
    assert found == stage.published(groups)
    assert {path.name for path in stage.folder.iterdir()} == {
        "archive", "store", f"all.{rows}", f"all.dead_letters.{rows}", "all.summary.json", "all.histogram.png",
    }  # fmt: skip


def test_a_journal_that_does_not_come_to_the_end_is_no_output(stage, groups, monkeypatch):
    interrupted(stage, groups)
    with monkeypatch.context() as patched:
        patched.setattr("stream_worker.replay.run._progress", lambda *_: iter([]))
        patched.setattr("stream_worker.replay.run.closing", nullcontext)
        with pytest.raises(SinkError) as error:
            run(stage.order(groups))
    assert str(error.value) == (
        f"{stage.folder}/out.partial/journal/part=0.jsonl does not come to the end of its group: others wrote to it. "
        "The same command goes on from there"
    )
    run(stage.order(groups))
    assert lines(stage.folder / "out") == stage.published(groups)


def test_only_a_summary(stage, groups):
    run(stage.order(groups, rows=None))
    assert sorted(content(stage.folder / "out")) == ["histogram.png", "summary.json"]


def test_records_of_one_partition(stage, groups):
    summary = run(stage.order(groups, selection=Selection(partitions=(1,))))
    assert (summary.records, summary.not_asked_for) == (10, 140)


def test_a_replay_to_blobs_that_is_interrupted(azurite, stage, groups):
    run(stage.order(groups, to="whole"))
    storage = StorageOptions.model_validate({"connection_string": azurite.connection_string})
    url = f"abfs://{azurite.create_container()}/out"
    order = stage.order(groups, to=url, storage=storage)
    assert run(order, stop=stop_after(7)) is None
    assert not order.target.is_there()
    assert run(stage.order(groups, to=url, storage=storage, workers=2)) is not None
    expected = content(stage.folder / "whole")
    assert {name: order.target.output.get(name) for name in expected} == expected
    assert order.target.is_there()
    assert order.target.work.is_empty()
    order.target.close()


def replace_struct(struct, **changes):
    return msgspec.structs.replace(struct, **changes)


def replace_file(group, **changes):
    return replace_struct(group, files=(replace_struct(group.files[0], **changes),))
