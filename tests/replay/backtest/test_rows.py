"""Rows with both answers: typed by the task, and the same rows in a row group however they come."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream_worker.replay.backtest.rows import NAMES, NoRows, rows_to
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.records import Group
from tests.replay.backtest.batches import LABELS, batch, rows_of, terms

GROUP = Group(number=0, name="topic-3", kind="capture", files=(), stream="topic", partition=3)
TYPES = {
    "binary": (pa.string(), pa.string()),
    "multiclass": (pa.string(), pa.string()),
    "outlier": (pa.int64(), pa.int64()),
    "regression": (pa.int64(), pa.float64()),
}


@pytest.mark.parametrize("task", sorted(LABELS))
def test_both_forms_hold_the_same(task, tmp_path):
    whole = batch(task, 300)
    whole = dataclasses.replace(whole, ids=["", *whole.ids[1:]])
    for form in ("parquet", "jsonl"):
        with rows_to(LocalFolder(tmp_path), GROUP, terms(task), form) as rows:
            rows.add(whole)
    table = pq.read_table(tmp_path / "events" / "topic-3.parquet")
    written = (tmp_path / "events" / "topic-3.jsonl").read_bytes().splitlines()
    assert table.schema.names == list(NAMES)
    assert (table.schema.field("champion_label").type, table.schema.field("label").type) == TYPES[task]
    assert table.to_pylist() == [json.loads(line) for line in written]
    first = table.to_pylist()[0]
    assert (first["event_id"], first["stream"], first["partition"], first["offset"]) == (None, "topic", 3, 0)


def test_row_groups_are_as_large_as_they_come(tmp_path):
    whole = batch("binary", 70_000)
    with rows_to(LocalFolder(tmp_path), GROUP, terms("binary"), "parquet") as rows:
        for at in range(0, 70_000, 4096):
            rows.add(rows_of(whole, slice(at, at + 4096)))
    with pq.ParquetFile(tmp_path / "events" / "topic-3.parquet") as found:
        sizes = [found.metadata.row_group(index).num_rows for index in range(found.metadata.num_row_groups)]
    assert sizes == [65_536, 4464]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_group_without_events_has_a_file_without_rows(tmp_path, form):
    with rows_to(LocalFolder(tmp_path), GROUP, terms("binary"), form):
        pass
    path = tmp_path / "events" / f"topic-3.{form}"
    assert (pq.read_table(path).num_rows if form == "parquet" else len(path.read_bytes())) == 0


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_nothing_appears_before_all_is_there(tmp_path, form):
    def interrupted():
        with rows_to(LocalFolder(tmp_path), GROUP, terms("binary"), form) as rows:
            rows.add(batch("binary", 10))
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        interrupted()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_rows_are_written_nowhere():
    NoRows().add(batch("binary", 10))


def test_labels_of_two_kinds_are_written_as_text(tmp_path):
    mixed = dataclasses.replace(batch("multiclass", 50, refused=0), truth=np.zeros(50))
    both = terms("multiclass")
    with rows_to(LocalFolder(tmp_path), GROUP, type(both)(task="multiclass", labels=("a", 1, 2)), "parquet") as rows:
        rows.add(mixed)
    labels = set(pq.read_table(tmp_path / "events" / "topic-3.parquet")["champion_label"].to_pylist())
    assert labels == {"a", "1", "2"}
