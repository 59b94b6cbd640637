"""`weir replay` as a user runs it: to its end, killed, stopped, out of room, misused."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
import yaml

from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.running import ROOT, weir
from tests.replay.staging import content
from tests.stream.kafka import read_back
from weir.cli import main

BOUND_S = 60.0
LINES = (20_000, 70_000, 70_000)


def line(number: int) -> str:
    """One record in a hundred is bad, and of these few as only the model itself can tell."""
    country = "xx" if number % 10_000 == 7 else ("de", "fr", "it")[number % 3]
    amount = '"much"' if number % 100 == 50 else number / 8
    return f'{{"id": "p{number}", "amount": {amount}, "count": {number % 5}, "country": "{country}"}}\n'


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a configuration, a store and an archive."""
    folder = tmp_path_factory.mktemp("replay")
    settings = configuration(folder)
    (folder / "weir.yaml").write_text(yaml.safe_dump(settings))
    (folder / "archive").mkdir()
    for file, count in enumerate(LINES):
        text = "".join(line(file * 100_000 + number) for number in range(count))
        (folder / "archive" / f"{file}.jsonl").write_text(text)
    return folder


@pytest.fixture(scope="module")
def small(place) -> Path:
    """A short archive in the same folder."""
    (place / "small.jsonl").write_text("".join(line(number) for number in range(1000)) + '{"id": \n')
    return place / "small.jsonl"


@pytest.fixture(scope="module")
def undisturbed(place):
    """The output of a run that nothing happens to, by its format."""
    found = {}
    for form in ("parquet", "jsonl"):
        done = weir("replay", "archive", "--to", f"whole-{form}", "--format", form, cwd=place)
        assert done.returncode == 0, done.stderr
        found[form] = content(place / f"whole-{form}")
    return found


@contextmanager
def begun(place: Path, *arguments: str, limit: int | None = None, **environment: str):
    """Start `weir replay`, and kill what is left of it in the end."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    plain = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "weir", "replay", *arguments],
        cwd=place,
        env=os.environ | plain | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,  # noqa: PLW1509 - no other thread holds anything that it needs
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=BOUND_S)


def entries(work: Path) -> int:
    """How many lines all journals have together."""
    try:
        return sum(path.read_bytes().count(b"\n") for path in work.glob("journal/*.jsonl"))
    except FileNotFoundError:  # all is done, and they are being removed
        return sum(LINES)


def until(process, condition) -> None:
    deadline = time.monotonic() + BOUND_S
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def killed(process, work: Path, chance: random.Random) -> bool:
    """Kill it at a moment after it has begun, and return whether it was still at work."""
    wanted = entries(work) + chance.choice([0, 1])
    until(process, lambda: work.exists() and entries(work) >= wanted)
    with suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0, 0.1))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    return True


@pytest.mark.parametrize(("form", "workers", "kills"), [("parquet", 1, 6), ("parquet", 2, 6), ("jsonl", 2, 3)])
def test_killed_at_random_moments_and_gone_on_with_it_ends_with_the_same_bytes(
    form, workers, kills, place, undisturbed
):
    chance, number = random.Random(f"{form} {workers}"), 0
    while kills:
        number += 1
        out = place / f"out-{form}-{workers}-{number}"
        work = out.with_name(f"{out.name}.partial")
        while not out.exists():
            with begun(place, "archive", "--to", out.name, "--format", form, "--workers", str(workers)) as process:
                if kills:
                    kills -= killed(process, work, chance)
                else:
                    _, told = process.communicate(timeout=BOUND_S)
                    assert process.returncode == 0, told
        assert content(out) == undisturbed[form]


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(place, monkeypatch, capsys):
    """Run it in this process, which spares the second that a process takes to start."""
    monkeypatch.chdir(place)
    for name, value in {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)

    def replay(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["weir", "replay", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return replay


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, "2"), (signal.SIGINT, "1")])
def test_stopped_it_says_so_and_goes_on_later(number, workers, place, undisturbed, here):
    out = f"stopped-{workers}"
    arguments = ["archive", "--to", out, "--workers", workers]
    with begun(place, *arguments) as process:
        until(process, lambda: entries(place / f"{out}.partial") > 0)
        process.send_signal(number)
        printed, told = process.communicate(timeout=BOUND_S)
    assert (process.returncode, printed) == (128 + number, "")
    assert told.endswith("stopped; the same command goes on from here\n")
    assert here(*arguments).returncode == 0
    assert content(place / out) == undisturbed["parquet"]


def test_without_room_it_says_so_and_goes_on_later(place, undisturbed, here):
    arguments = ["archive", "--to", "full", "--format", "jsonl"]
    with begun(place, *arguments, limit=6_000_000) as process:  # the first file's part fits, the second's does not
        _, told = process.communicate(timeout=BOUND_S)
    assert (process.returncode, told) == (
        1,
        "error: cannot write full.partial/output/predictions/1-0000/part-00000.jsonl: File too large\n",
    )
    assert not (place / "full").exists()
    assert [path.name for path in (place / "full.partial" / "output" / "predictions").rglob("*.*")] == [
        "part-00000.jsonl"
    ]
    assert here(*arguments).returncode == 0
    assert content(place / "full") == undisturbed["jsonl"]


def test_a_process_that_is_killed_takes_the_replay_with_it(place, undisturbed, here):
    arguments = ["archive", "--to", "lamed", "--workers", "2"]
    with begun(place, *arguments) as process:
        until(process, lambda: entries(place / "lamed.partial") > 0)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(int(workers[0]), signal.SIGKILL)
        _, told = process.communicate(timeout=BOUND_S)
    assert process.returncode == 1
    assert re.fullmatch(
        rf"error: process {workers[0]} was killed by SIGKILL while it was at [\w-]+; what was finished is kept: "
        "the same command goes on from there\n",
        told,
    )
    assert here(*arguments).returncode == 0
    assert content(place / "lamed") == undisturbed["parquet"]


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


def test_one_file_of_all(place, undisturbed, here):
    done = here("archive", "--to", "all.parquet")
    assert done.returncode == 0, done.stderr
    parts = sorted((place / "whole-parquet" / "predictions").rglob("*.parquet"))
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
]


@pytest.mark.parametrize(("arguments", "words"), MISUSED, ids=lambda value: " ".join(value)[:40])
def test_misused_it_says_how_and_leaves_nothing(arguments, words, place, small, here):
    done = here(small.name, *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {words}")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in place.iterdir() if path.name.startswith("x")] == []


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


def test_to_a_stream_that_is_killed_and_gone_on_with(apache_kafka, place, tmp_path, undisturbed):
    settings = configuration(tmp_path, apache_kafka.bootstrap_servers)
    settings["store"] = str(place / "store")
    topics = {key: apache_kafka.create_topic(unique_topic(key), 2) for key in ("source", "sink", "dead_letters")}
    for key, topic in topics.items():
        settings["stream"][key]["topic"] = topic
    (tmp_path / "weir.yaml").write_text(yaml.safe_dump(settings))
    archive = [str(place / "archive" / name) for name in ("0.jsonl", "1.jsonl")]
    arguments = [*archive, "--to-stream", "--workers", "2"]
    chance = random.Random(1)
    for _ in range(5):
        with begun(tmp_path, *arguments) as process:
            assert killed(process, tmp_path / "replay.journal", chance), process.communicate()
    done = weir("replay", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"written to {topics['sink']}, with its journal in replay.journal" in done.stdout
    published = [message.value() for message in read_back(apache_kafka.bootstrap_servers, topics["sink"])]
    expected = [
        row
        for path in sorted((place / "whole-jsonl" / "predictions").glob("[01]*/*"))
        for row in path.read_bytes().splitlines()
    ]
    assert set(published) == set(expected)
    assert len(published) - len(expected) <= 5 * 2 * 4096
    for name in ("p0", "p100000"):  # the first appearances of each file's records are in its order
        start = int(name[1:])
        mine = [value for value in dict.fromkeys(published) if start <= number_of(value) < start + 100_000]
        assert mine == [value for value in expected if start <= number_of(value) < start + 100_000]
    letters = Counter(message.key() for message in read_back(apache_kafka.bootstrap_servers, topics["dead_letters"]))
    assert letters.total() >= 900
    done = weir("replay", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "is there already: pass --overwrite to replace it" in done.stderr


def number_of(prediction: bytes) -> int:
    return int(re.search(rb'"event_id":"p(\d+)"', prediction)[1])
