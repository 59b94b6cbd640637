"""Files of event ids and labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring import Event
from scoring.errors import ConfigurationError
from stream_worker.replay.backtest.labels import FileTruth, read_labels
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.files import Files, StorageOptions
from stream_worker.replay.records import Portion

BINARY = Terms(task="binary", labels=(0, 1), positive=1)


def labels(path: Path, *, terms=BINARY, id_columns=("event_id", "transaction.id"), label="label") -> FileTruth:
    with Files(StorageOptions()) as files:
        return read_labels(str(path), files, terms=terms, id_columns=id_columns, label=label)


def of(truth: FileTruth, *ids: str) -> tuple[list[float | None], int]:
    found = truth.of(Portion(events=[Event(None)] * len(ids), cursor={}), ids)
    return [None if np.isnan(value) else value for value in found.values.tolist()], found.foreign


def csv(folder: Path, text: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, **more) -> str:
    with pytest.raises(ConfigurationError) as raised:
        labels(path, **more)
    return str(raised.value).replace(str(path), "FILE")


def test_a_csv(tmp_path):
    truth = labels(csv(tmp_path, '\ufeffevent_id,note,label\ntx-1,"a,b",1\ntx-2,,0\n\ntx-3,,\ntx-é,,fraud\n'))
    assert of(truth, "tx-2", "tx-1", "tx-0", "tx-3", "tx-é", "") == ([0, 1, None, None, None, None], 1)
    assert len(truth) == 3


def test_a_parquet_file(tmp_path):
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"event_id": [1, 2, None, 4], "label": [True, False, True, None]}), path)
    assert of(labels(path), "1", "2", "4", "None", "") == ([1, 0, None, None, None], 0)


def test_columns_of_other_names(tmp_path):
    path = csv(tmp_path, "transaction.id,is_fraud\ntx-1,1\n")
    assert of(labels(path, label="is_fraud"), "tx-1") == ([1], 0)


def test_values(tmp_path):
    path = csv(tmp_path, "event_id,label\na,1.5\nb,-2\nc,much\n")
    assert of(labels(path, terms=Terms(task="regression")), "a", "b", "c") == ([1.5, -2, None], 1)


def test_more_than_a_batch_of_them(tmp_path):
    lines = "".join(f"tx-{number},{number % 2}\n" for number in range(70_000))
    truth = labels(csv(tmp_path, f"event_id,label\n{lines}"))
    assert of(truth, "tx-0", "tx-65535", "tx-65536", "tx-69999") == ([0, 1, 0, 1], 0)


def test_an_empty_file(tmp_path):
    assert of(labels(csv(tmp_path, "event_id,label\n")), "tx-1") == ([None], 0)


def test_the_same_row_twice_is_one(tmp_path):
    assert of(labels(csv(tmp_path, "event_id,label\na,1\na,1.0\na,\n")), "a") == ([1], 0)


def test_one_event_with_two_labels_is_refused(tmp_path):
    path = csv(tmp_path, "event_id,label\na,1\nb,0\na,\nb,0\na,0\n")
    assert refused(path) == "--labels FILE: rows 1 and 5 give one event id different labels"


def test_a_missing_column_is_named(tmp_path):
    path = csv(tmp_path, "id,label\na,1\n")
    assert refused(path) == "--labels FILE: there is no column event_id or transaction.id (there are id, label)"
    path = csv(tmp_path, "event_id,fraud\na,1\n")
    assert refused(path) == (
        "--labels FILE: there is no column label, which --label may name otherwise (there are event_id, fraud)"
    )


def test_a_short_line_is_named(tmp_path):
    path = csv(tmp_path, "event_id,label\na,1\nb\n")
    assert refused(path) == "--labels FILE: line 3 has 1 cells; expected 2"


def test_what_cannot_be_read_is_named(tmp_path):
    assert refused(tmp_path / "none.csv") == "--labels FILE cannot be read: there is no such file"
    assert refused(csv(tmp_path, "", "labels.txt")) == "--labels FILE: expected a file that ends in .csv or .parquet"
    assert refused(csv(tmp_path, "no table", "bad.parquet")).startswith("--labels FILE cannot be read: ")
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"event_id,label\n\xe9,1\n")
    assert refused(latin).startswith("--labels FILE cannot be read: 'utf-8' codec can't decode byte 0xe9")
