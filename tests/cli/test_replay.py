"""`weir replay` as a user runs it: what it prints, what it makes, and what it refuses in words."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from models import LocalStore
from scoring import Event
from tests.models.graphs import payments, payments_manifest
from tests.replay.archives import write_feature_parquet
from tests.replay.commanded import LINES, furnish, in_process, line, small_archive
from tests.replay.reading import payment
from tests.replay.staging import content


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return furnish(tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def small(place) -> Path:
    """A short archive in the same folder."""
    return small_archive(place)


@pytest.fixture
def here(place, monkeypatch, capsys):
    return in_process(place, monkeypatch, capsys)


def test_what_it_prints(place, small, here):
    done = here(small.name, "--to", "printed")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"│ records +│ 1,001 +│", done.stdout)
    assert re.search(r"│ predictions +│ 989 +│", done.stdout)
    assert re.search(r"│   invalid_json +│ 1 +│", done.stdout)
    assert re.search(r"│   scoring_failed +│ 1 +│", done.stdout)
    assert re.search(r"│ peak memory +│ [\d,]+ MiB +│", done.stdout)
    assert re.search(r"^ +0.4 to 0.5 +█* ?\d+$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("written to printed\n")
    summary = json.loads((place / "printed" / "summary.json").read_text())
    assert (summary["records"], summary["dead_letters"]) == (
        1001,
        {"invalid_json": 1, "scoring_failed": 1, "wrong_type": 10},
    )


def test_problems_are_told_by_file(place, here):
    folder = place / "damaged"
    folder.mkdir()
    (folder / "good.jsonl").write_text(line(1))
    (folder / "bad.parquet").write_bytes(b"PAR1 no more")
    done = here("damaged", "--to", "of-damaged")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^problem: damaged/bad\.parquet, from 0 on: \w.+$", done.stdout, re.MULTILINE)
    assert here("damaged", "--to", "strict", "--error-threshold", "0").returncode == 1


def test_a_dry_run_writes_nothing(place, small, here):
    before = sorted(place.iterdir())
    done = here("archive", small.name, "--dry-run", "--workers", "2")
    assert (done.returncode, done.stderr) == (0, "")
    records = int(re.search(r"│ records, about +│ ([\d,]+) +│", done.stdout)[1].replace(",", ""))
    assert abs(records - sum(LINES)) < sum(LINES) / 20
    assert re.search(r"│ files +│ 4 +│", done.stdout)
    assert re.search(r"│ time, about +│ \d+:\d\d +│", done.stdout)
    assert re.search(r"│ output, about +│ [\d.]+ MiB +│", done.stdout)
    assert "scoring_failed, for instance: the model cannot score this event: " in done.stdout
    assert sorted(place.iterdir()) == before


def test_one_file_of_all(place, here):
    for to in ("all.parquet", "parts"):
        done = here("archive", "--to", to)
        assert done.returncode == 0, done.stderr
    parts = sorted((place / "parts" / "predictions").rglob("*.parquet"))
    expected = [row for part in parts for row in pq.read_table(part, columns=["prediction"]).column(0).to_pylist()]
    assert pq.read_table(place / "all.parquet").column("prediction").to_pylist() == expected


def test_only_counts(place, small, here):
    done = here(small.name, "--to", "counts", "--summary-only")
    assert done.returncode == 0, done.stderr
    assert sorted(content(place / "counts")) == ["histogram.png", "summary.json"]


def test_a_finished_output_is_refused(place, small, here):
    for code in (0, 2):
        done = here(small.name, "--to", "twice")
        assert done.returncode == code
    assert done.stderr == "error: twice is there already: pass --overwrite to replace it, or name another output\n"
    assert here(small.name, "--to", "twice", "--overwrite").returncode == 0


MISUSED = [
    ([], "where to? Pass --to FOLDER, --to FILE.parquet, --to-stream, or --dry-run to look first"),
    (["--to", "x", "--to-stream"], "--to and --to-stream: the answers go to one of them"),
    (["--to", "x", "--format", "csv"], "--format 'csv': expected parquet or jsonl"),
    (["--to", "x.jsonl", "--format", "parquet"], "--format parquet: the name x.jsonl says otherwise"),
    (["--to", "x.jsonl", "--summary-only"], "--summary-only: --to x.jsonl is a file of rows; name a folder"),
    (["--to", "x", "--error-threshold", "lots"], "--error-threshold 'lots': expected a number such as 100, a share"),
    (["--to", "x", "--from-time", "2026-11-20"], "--from-time '2026-11-20': expected a moment and its zone, such as"),
    (["--to", "x", "--to-time", "noon"], "--to-time 'noon': expected a moment and its zone, such as 2026-11-20T09"),
    (["--to", "x", "--partition", "7"], "--partition: the archive has 0"),
    (["--to", "x", "--from-sequence", "7"], "--from-sequence and --to-sequence: the archive does not keep the seq"),
    (["--to", "x", "--from-time", "2026-11-20T09:30:00Z"], "--from-time and --to-time: the archive does not keep the"),
    (["--to", "abfs://nowhere/x"], "abfs://nowhere/: which storage account? "),
    (["--dry-run", "--engine", "spark"], "--engine spark does not go with --dry-run"),
    (["--dry-run", "--master", "local[2]"], "--master does not go with --dry-run"),
    (["--dry-run", "--error-threshold", "5"], "--error-threshold does not go with --dry-run"),
    (["--to", "x", "--compare", "a", "b", "--engine", "spark"], "--engine spark does not go with --compare"),
    (["--to", "x", "--compare", "a", "b", "--master", "local[2]"], "--master does not go with --compare"),
    (
        ["--to", "x", "--engine", "spark", "--workers", "2"],
        "--workers does not go with --engine spark: the cluster says",
    ),
    (["--to", "x", "--master", "local[2]"], "--master: pass --engine spark, for it is the address of a Spark cluster"),
    (["--to", "x", "--journal", "x.journal"], "--journal: pass --to-stream, of which it remembers how far it is"),
    (["--to-stream", "--format", "jsonl"], "--format does not go with --to-stream"),
    (["--to-stream", "--summary-only"], "--summary-only does not go with --to-stream"),
    (
        ["--to-stream", "--engine", "spark"],
        "--engine spark does not go with --to-stream: a lost executor would publish",
    ),
    (["--to-stream", "--then-follow", "--engine", "spark"], "--engine spark does not go with --to-stream: a lost"),
    (["--to", "x", "--from-sequence", "7", "--to-sequence", "7"], "--from-sequence 7 and --to-sequence 7: nothing is"),
    (
        ["--to", "x", "--from-time", "2026-11-20T09:30:00Z", "--to-time", "2026-11-20T10:30:00+01:00"],
        "--from-time 2026-11-20T09:30:00Z and --to-time 2026-11-20T10:30:00+01:00: nothing is between them, for the la",
    ),
]


@pytest.mark.parametrize(("arguments", "words"), MISUSED, ids=lambda value: " ".join(value)[:40])
def test_misused_it_says_how_and_leaves_nothing(arguments, words, place, small, here):
    done = here(small.name, *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {words}")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in place.iterdir() if path.name.startswith("x")] == []


@pytest.mark.parametrize("arguments", [["--to", "x"], ["--dry-run"], ["--to", "x", "--compare", *["payments:1"] * 2]])
def test_the_rows_of_a_table_have_no_sequence_numbers(arguments, tmp_path, monkeypatch, capsys):
    LocalStore(tmp_path / "store").add(payments_manifest(), payments())  # nothing but its row tells an event apart
    furnish(tmp_path)
    write_feature_parquet(tmp_path / "rows.parquet", [Event(payment(number)) for number in range(9)])
    done = in_process(tmp_path, monkeypatch, capsys)("rows.parquet", *arguments, "--from-sequence", "5")
    assert (done.returncode, done.stderr) == (
        2,
        "error: --from-sequence and --to-sequence: the archive does not keep the sequence numbers of its records\n",
    )


def test_a_model_that_is_served_in_another_way(place, small, here):
    settings = yaml.safe_load((place / "weir.yaml").read_text())
    assert here(small.name, "--to", "served", "--error-threshold", "1%").returncode == 1
    settings["deployments"][0]["allow_uncertified"] = True
    (place / "uncertified.yaml").write_text(yaml.safe_dump(settings))
    done = here(small.name, "--to", "served", "--config", "uncertified.yaml")
    assert done.returncode == 2
    assert "served.partial cannot go on: allow_uncertified was false and is true. Pass --over" in done.stderr
    assert here(small.name, "--to", "served").returncode == 0


def test_an_archive_that_is_not_there(place, here):
    done = here("nowhere.jsonl", "--to", "x")
    assert (done.returncode, done.stderr) == (
        2,
        "error: there is nothing to replay: nowhere.jsonl: there is no such file\n",
    )


def test_models(place, small, here):
    settings = yaml.safe_load((place / "weir.yaml").read_text())
    del settings["stream"]
    settings["deployments"] = [
        {"name": "blue", "model": "payments:1", "traffic": 100},
        {"name": "green", "model": "payments", "mirror": 5},
    ]
    (place / "two.yaml").write_text(yaml.safe_dump(settings))
    asked = [small.name, "--config", "two.yaml", "--to"]
    done = here(*asked, "models")
    assert (done.returncode, done.stderr) == (
        2,
        "error: several models are deployed: say which by --model (payments:1, payments)\n",
    )
    assert here(*asked, "models", "--model", "payments:1").returncode == 0
    done = here(*asked, "models", "--model", "payments:2")
    assert (done.returncode, done.stderr) == (1, "error: model 'payments' has no version 2; it has 1\n")
    done = here(small.name, "--config", "two.yaml", "--to-stream")
    assert done.returncode == 2
    assert done.stderr.startswith("error: two.yaml: stream is missing")


def test_from_blobs_to_blobs(place, small, azurite, here, monkeypatch):
    from adlfs import AzureBlobFileSystem

    container = azurite.create_container()
    blobs = AzureBlobFileSystem(connection_string=azurite.connection_string, skip_instance_cache=True)
    blobs.pipe_file(f"{container}/in/small.jsonl", small.read_bytes())
    url = f"abfs://{container}"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    done = here(f"{url}/in", "--to", f"{url}/out", "--workers", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"written to {url}/out\n")
    blobs.invalidate_cache()
    names = sorted(name.removeprefix(f"{container}/out/") for name in blobs.find(f"{container}/out"))
    assert names == [
        "_SUCCESS",
        "dead_letters/small/part-00000.parquet",
        "histogram.png",
        "predictions/small/part-00000.parquet",
        "summary.json",
    ]
    assert here(small.name, "--to", "of-blobs").returncode == 0
    part = "predictions/small/part-00000.parquet"
    assert blobs.cat_file(f"{container}/out/{part}") == (place / "of-blobs" / part).read_bytes()
    done = here(f"{url}/in", "--to", f"{url}/out")
    assert (done.returncode, done.stderr.partition(":")[2].strip()) == (
        2,
        f"{url}/out is there already: pass --overwrite to replace it, or name another output",
    )
    done = here(f"{url}/in", "--to", f"{url}/all.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(blobs.cat_file(f"{container}/all.jsonl").splitlines()) == 989
