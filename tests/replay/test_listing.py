"""The files of an archive: their kinds, what is passed over, and what is none."""

import pytest

from stream_worker.replay.files import Files, StorageOptions
from stream_worker.replay.listing import Listed, kind_of, listed, made_at, without_extension
from stream_worker.replay.output import PICTURE, SUMMARY
from stream_worker.replay.records import File, Problem


def look(*paths, kind=None, without=()):
    with Files(StorageOptions()) as files:
        return list(listed([str(path) for path in paths], kind, files, without))


@pytest.mark.parametrize(
    ("name", "kind", "rest"),
    [
        ("a.avro", "capture", "a"),
        ("a/b.AVRO", "capture", "a/b"),
        ("a.jsonl", "jsonl", "a"),
        ("a.b.ndjson", "jsonl", "a.b"),
        ("a.json", "jsonl", "a"),
        ("a.jsonl.gz", "jsonl", "a"),
        ("a.Json.GZ", "jsonl", "a"),
        ("a.parquet", "parquet", "a"),
        ("a.avro.gz", None, "a.avro.gz"),
        ("a.csv", None, "a.csv"),
        ("a.parquet/b", None, "a.parquet/b"),
        ("05", None, "05"),
    ],
)
def test_an_extension_says_the_kind(name, kind, rest):
    assert (kind_of(name), without_extension(name)) == (kind, rest)


def test_other_files_and_empty_ones_are_problems(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"hello")
    (tmp_path / "empty.avro").write_bytes(b"")
    (tmp_path / "a.jsonl").write_bytes(b"{}")
    good, empty, foreign = look(tmp_path)
    assert empty == Problem(path=f"{tmp_path}/empty.avro", offset=0, words="the file is empty: it has 0 bytes")
    assert isinstance(good, Listed)
    assert foreign.path == f"{tmp_path}/notes.txt"
    assert foreign.words == (
        "not a file of an archive: expected .avro, .jsonl, .ndjson or .json (also .gz), or .parquet; "
        "or say which kind it is"
    )


def test_what_is_hidden_is_passed_over_unless_it_is_named(tmp_path):
    for name in ("_SUCCESS", ".crc", "_delta_log/a.parquet", "x/.tmp/b.parquet", "x/_c.parquet", "x/d.parquet"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
    assert [item.below for item in look(tmp_path)] == ["x/d.parquet"]
    assert [item.below for item in look(f"{tmp_path}/**/*.parquet")] == ["x/d.parquet"]
    assert [item.below for item in look(tmp_path / "x" / "_c.parquet")] == ["_c.parquet"]


def test_each_file_is_listed_once(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_bytes(b"{}")
    monkeypatch.chdir(tmp_path)
    items = look("a.jsonl", tmp_path, "./a.jsonl", "*.jsonl", f"file://{tmp_path}/a.jsonl")
    assert [(item.file.path, item.direct) for item in items] == [("a.jsonl", True)]


def test_a_kind_that_is_told_is_that_of_all_files(tmp_path):
    (tmp_path / "05").write_bytes(b"x")
    (tmp_path / "a.jsonl").write_bytes(b"x")
    assert [item.kind for item in look(tmp_path, kind="capture")] == ["capture", "capture"]


def test_what_is_below_the_output_is_passed_over_however_it_is_written(tmp_path, monkeypatch):
    for name in ("a.jsonl", "out/part.jsonl", "out.partial/part.jsonl", "output/b.jsonl", "one.jsonl"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for without in (
        ["data/out", "data/out.partial/", "data/one.jsonl"],
        [f"{tmp_path}/link/../data/out", "link/out.partial", "./data/one.jsonl"],
        [f"file://{tmp_path}/data/out", "link/out.partial", "link/one.jsonl"],
    ):
        for path in ("data", "link", f"file://{tmp_path}/data", "data/**/*.jsonl"):
            assert [item.below for item in look(path, without=without)] == ["a.jsonl", "output/b.jsonl"]
    assert look("data/out/part.jsonl", without=["data/out"]) == []


def test_blobs_below_the_output_are_passed_over(monkeypatch):
    found = [
        File(path=f"abfs://c/{name}", size=1, version="") for name in ("out/a.jsonl", "output/b.jsonl", "out.jsonl")
    ]
    with Files(StorageOptions()) as files:
        monkeypatch.setattr(files, "find", lambda *_: ((each.path.removeprefix("abfs://c/"), each) for each in found))
        for place in ("abfs://c/out", "abfss://c/out/", "az://c/out"):
            items = list(listed(["abfs://c"], None, files, [place]))
            assert [item.below for item in items] == ["output/b.jsonl", "out.jsonl"]


def test_what_a_replay_makes():
    assert made_at("data/scored/") == ["data/scored", "data/scored.partial"]
    assert made_at("data/scored.parquet") == [
        "data/scored.parquet", "data/scored.parquet.partial", "data/scored.dead_letters.parquet",
        f"data/scored.{SUMMARY}", f"data/scored.{PICTURE}",
    ]  # fmt: skip
