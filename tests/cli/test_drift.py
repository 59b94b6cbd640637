"""`weir drift` as a user runs it, on the fraud example: which features it names, and that its figures are scipy's."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import entropy, ks_2samp

from examples.fraud.events import events
from examples.fraud.release import release
from models import LocalStore
from scoring import Baseline, Event, Manifest, Outputs, Position
from telemetry.drift.figures import smoothed
from tests.cli.running import ROOT, weir
from tests.http.openapi.browser import CHROMIUM, browse
from tests.models.graphs import payments, payments_manifest
from tests.replay.archives import write_capture, write_feature_parquet, write_jsonl, write_parquet

COUNT = 20_000
SHIFTED = {"amount", "country"}
ROW = re.compile(
    r"^│ (?P<name>.+?) +│ +(?P<psi>[\d.-]+) │ +(?P<ks>[\d.-]+) │.*│ (?P<verdict>[a-z ]+?) *│$", re.MULTILINE
)


def shifted(value: bytes) -> bytes:
    """The event with twice the amount, and more often from abroad."""
    event = json.loads(value)
    event["amount"] *= 2
    if int(event["transaction_id"].rpartition("-")[2], 36) % 3 == 0:
        event["country"] = "XX"
    return json.dumps(event).encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the fraud model, and with the events of its test period as they are and shifted."""
    folder = tmp_path_factory.mktemp("drift")
    release(LocalStore(folder / "store"))
    (folder / "weir.yaml").write_text("store: store\ndeployments:\n  - {name: blue, model: fraud@champion}\n")
    week = events(3 * COUNT, malformed=0)  # of a few days alone, the days of the week have shifted indeed
    steady = [Event(each.value) for each in week[::3]]
    write_jsonl(folder / "steady.jsonl", steady)
    write_jsonl(folder / "shifted.jsonl", [Event(shifted(event.value)) for event in steady])
    return folder


@pytest.fixture(scope="module")
def model(place) -> Manifest:
    return LocalStore(place / "store").manifest("fraud", 1)


def table(done) -> dict[str, tuple[float | None, float | None, str]]:
    """The figures that were shown, by column."""
    assert done.returncode == 0, done.stderr

    def number(text):
        return None if text == "-" else float(text)

    rows = {row["name"]: (number(row["psi"]), number(row["ks"]), row["verdict"]) for row in ROW.finditer(done.stdout)}
    assert rows, done.stdout
    return rows


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def found_at(event: dict, path: tuple[str, ...]):
    for key in path:
        event = event[key]
    return event


def test_events_like_those_of_training_are_steady(place, model):
    rows = table(weir("drift", "steady.jsonl", "--fail-above", "0.1", cwd=place))
    assert set(rows) == {"the score", *(feature.name for feature in model.features)}
    assert {verdict for _, _, verdict in rows.values()} == {"steady"}
    assert max(psi for psi, _, _ in rows.values()) < 0.1


def test_a_shifted_stream_raises_the_figures_of_the_right_features_and_only_those(place, model):
    done = weir("drift", "shifted.jsonl", "--model", "fraud@champion", cwd=place)
    rows = table(done)
    features = {feature.name for feature in model.features}
    assert {name for name in features if rows[name][0] >= 0.25} == SHIFTED
    assert all(rows[name][0] < 0.1 for name in features - SHIFTED)
    assert {name for name, row in rows.items() if row[2] == "shifted"} - {"the score"} == SHIFTED
    assert f"records: {COUNT:,}; scores: {COUNT:,}" in done.stdout
    shown = [psi for psi, _, _ in rows.values()]
    assert shown == sorted(shown, reverse=True)


def test_the_figures_are_scipys_on_the_same_data(place, model):
    rows, archive = table(weir("drift", "shifted.jsonl", cwd=place)), read(place / "shifted.jsonl")
    for feature in model.features:
        values = [found_at(event, feature.path) for event in archive]
        there = [value for value in values if value is not None]
        then, nulls = list(feature.baseline.counts), len(values) - len(there)
        if feature.categories is not None:
            now = [there.count(name) for name in feature.categories]
            now.append(len(there) - sum(now))
        else:
            kind = np.float32 if feature.dtype == "float32" else np.float64
            bins = np.searchsorted(np.array(feature.baseline.edges, kind), np.array(there, kind), side="left")
            now = np.bincount(bins, minlength=len(then)).tolist()
            samples = [np.repeat(np.arange(len(then)), counts) for counts in (then, now)]
            assert rows[feature.name][1] == pytest.approx(ks_2samp(*samples).statistic, abs=5.1e-4), feature.name
        if nulls or feature.baseline.nulls:
            then, now = [*then, feature.baseline.nulls], [*now, nulls]
        p, q = smoothed(np.array(then)), smoothed(np.array(now))
        assert rows[feature.name][0] == pytest.approx(entropy(p, q) + entropy(q, p), abs=5.1e-4), feature.name


def test_above_the_bound_it_fails_and_names_the_columns(place):
    done = weir("drift", "shifted.jsonl", "--fail-above", "0.25", cwd=place)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert re.match(r"error: above 0\.25: (country|amount) \d\.\d{3}, ", said), said
    assert all(name in said for name in SHIFTED)
    assert "terminal" not in said


@pytest.mark.parametrize("kind", ["capture", "value column", "feature columns", "gzip"])
def test_every_kind_of_archive_gives_the_same_figures(kind, place, tmp_path):
    archive = [Event(line) for line in (place / "shifted.jsonl").read_bytes().splitlines()][:4000]
    write_jsonl(tmp_path / "lines.jsonl", archive)
    expected = table(weir("drift", tmp_path / "lines.jsonl", cwd=place))
    if kind == "capture":
        (tmp_path / "other").mkdir()
        places = (Position("hub", 0, place) for place in range(len(archive)))
        placed = [Event(event.value, position=at, time=0) for event, at in zip(archive, places, strict=True)]
        write_capture(tmp_path / "other", placed, per_file=1000)
    elif kind == "gzip":
        write_jsonl(tmp_path / "other" / "lines.jsonl.gz", archive)
    elif kind == "value column":
        write_parquet(tmp_path / "other" / "values.parquet", archive, places=False)
    else:
        write_feature_parquet(tmp_path / "other" / "rows.parquet", archive)
    assert table(weir("drift", tmp_path / "other", cwd=place)) == expected


def collection(path: Path, archive: list[dict], model: Manifest, *, without=(), hashed=(), references=None) -> None:
    """Write what the collector does: features by their names, beside what became of them, without the event's id."""
    count = len(archive)
    columns = {
        "prediction_id": pa.array(["0b53"] * count),
        "model": pa.array(references or [model.reference] * count),
        "label": pa.array([0] * count),
        "score": pa.array(np.full(count, 0.999)),
        "time": pa.array([0] * count, pa.timestamp("us", "UTC")),
    }
    for feature in model.features:
        values = [found_at(event, feature.path) for event in archive]
        if feature.name in hashed:
            columns[feature.name] = pa.array([b"ae31"] * count, pa.binary())
        elif feature.name not in without:
            columns[feature.name] = pa.array(values)
    pq.write_table(pa.table(columns), path)


def test_a_collection_is_scored_again(place, model, tmp_path):
    archive = read(place / "shifted.jsonl")[:4000]
    write_jsonl(tmp_path / "lines.jsonl", [Event(json.dumps(event).encode()) for event in archive])
    collection(tmp_path / "kept.parquet", archive, model)
    done = weir("drift", tmp_path / "kept.parquet", cwd=place)
    assert table(done) == table(weir("drift", tmp_path / "lines.jsonl", cwd=place))


def test_a_collection_without_some_columns_tells_of_the_others(place, model, tmp_path):
    archive = read(place / "shifted.jsonl")[:4000]
    references = ["fraud:1"] * 3000 + ["fraud:9"] * 1000
    left_out = {"without": ["device_age_days"], "hashed": ["country"]}
    collection(tmp_path / "kept.parquet", archive, model, references=references, **left_out)
    done = weir("drift", tmp_path / "kept.parquet", cwd=place)
    rows = table(done)
    assert rows["country"] == rows["device_age_days"] == (None, None, "too few rows")
    assert rows["amount"][2] == "shifted"
    assert rows["the score"][2] == "shifted"  # the scores that were kept, all of them 0.999
    assert "records: 4,000; scores: 3,000; lack features: 1 part without country, device_age_days" in done.stdout


def test_records_that_the_model_refuses_and_files_that_cannot_be_read_are_told(place, tmp_path):
    lines = (place / "steady.jsonl").read_bytes().splitlines()[:500]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*lines, b'{"amount": 1}', b"nothing"]))
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing else")
    done = weir("drift", tmp_path, cwd=place)
    assert table(done)["amount"][2] == "steady"
    assert "rejected: 2 (invalid_json 1, missing_field 1); problems: 1" in done.stdout
    assert "problem: " in done.stdout
    assert "b.parquet" in done.stdout


def test_too_few_rows_tell_nothing_and_do_not_pass(place, tmp_path):
    lines = (place / "shifted.jsonl").read_bytes().splitlines()[:50]
    (tmp_path / "few.jsonl").write_bytes(b"\n".join(lines))
    rows = table(weir("drift", tmp_path / "few.jsonl", cwd=place))
    assert set(rows.values()) == {(None, None, "too few rows")}
    done = weir("drift", tmp_path / "few.jsonl", "--fail-above", "0.25", cwd=place)
    assert (done.returncode, done.stderr) == (1, "error: --fail-above 0.25: too few rows to tell\n")


PEAK = """
import sys
from stream_worker.replay.memory import peak_memory
from weir.cli import app
app(sys.argv[1:], standalone_mode=False)
print(peak_memory())
"""


def test_memory_does_not_grow_with_the_archive(place, tmp_path):
    lines = (place / "steady.jsonl").read_bytes()
    peaks = []
    for copies in (1, 6):
        (tmp_path / f"{copies}.jsonl").write_bytes(lines * copies)
        command = [sys.executable, "-c", PEAK, "drift", tmp_path / f"{copies}.jsonl"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=True)
        assert f"records: {COUNT * copies:,}; scores" in done.stdout
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] - peaks[0] < 25_000_000, peaks


def test_the_page_names_the_worst_first_and_asks_nothing_of_anywhere(place, tmp_path):
    done = weir("drift", "shifted.jsonl", "--to", tmp_path / "drift.html", cwd=place)
    assert done.stdout.endswith(f"report: {tmp_path / 'drift.html'}\n")
    page = (tmp_path / "drift.html").read_text()
    assert "<h1>Drift of fraud:1</h1>" in page
    assert page.index(">country<") < page.index(">distance_km<")
    assert page.count("<figure") == 1 + 4  # the score, and a few features at least
    assert re.findall(r"(?:src|href)=|https?://|<script", page) == []
    again = weir("drift", "shifted.jsonl", "--to", tmp_path / "again.html", cwd=place)
    assert again.returncode == 0
    assert (tmp_path / "again.html").read_text() == page


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_the_page_without_complaint(place, tmp_path):
    assert weir("drift", "shifted.jsonl", "--to", tmp_path / "drift.html", cwd=place).returncode == 0

    async def look():
        async with browse(tmp_path / "profile") as tab:
            await tab.open((tmp_path / "drift.html").as_uri(), width=390, height=800, deviceScaleFactor=1, mobile=False)
            wide = await tab.run("document.documentElement.scrollWidth")
            bars = await tab.run("document.querySelectorAll('rect.bar.now').length")
            return wide, bars, tab.complaints

    wide, bars, complaints = asyncio.run(look())
    assert wide <= 390
    assert bars > 20
    assert complaints == []


def test_names_from_a_manifest_and_a_path_are_shown_and_do_nothing(tmp_path):
    nasty = '<script>alert("1")</script>'
    manifest = payments_manifest(event_id=("id",))
    first, *rest = manifest.features
    renamed = first.model_copy(update={"minimum": 0.0, "baseline": Baseline(edges=(1.0,), counts=(5, 5))})
    country = next(each for each in rest if each.dtype == "string")
    others = [each for each in rest if each is not country]
    marked = country.model_copy(update={"categories": (nasty,), "baseline": Baseline(counts=(5, 0))})
    features = tuple(
        sorted((renamed, *others, marked), key=lambda each: [f.name for f in manifest.features].index(each.name))
    )
    LocalStore(tmp_path / "store").add(manifest.model_copy(update={"features": features}), payments())
    (tmp_path / "weir.yaml").write_text("store: store\ndeployments:\n  - {name: blue, model: 'payments:1'}\n")
    archive = tmp_path / "<b>here.jsonl"
    archive.write_text("".join(f'{{"id": "p{n}", "amount": {n}, "count": 1, "country": "de"}}\n' for n in range(300)))
    done = weir("drift", archive.name, "--to", "drift.html", cwd=tmp_path)
    assert table(done)["country"][2] == "shifted"
    page = (tmp_path / "drift.html").read_text()
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;here.jsonl" in page
    assert "&lt;script&gt;" in page


def test_a_model_without_baselines_is_refused(tmp_path):
    LocalStore(tmp_path / "store").add(payments_manifest(event_id=("id",)), payments())
    (tmp_path / "weir.yaml").write_text("store: store\ndeployments:\n  - {name: blue, model: 'payments:1'}\n")
    (tmp_path / "a.jsonl").write_text("{}\n")
    done = weir("drift", "a.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --model payments:1: its manifest has no baselines to compare with; they come from the table that "
        "`weir convert` is given\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "error: there is nothing to look at: missing.jsonl: "),
        (["steady.jsonl", "--to", "report.pdf"], "error: --to report.pdf: expected a name that ends in .html"),
        (["steady.jsonl", "--to", "no/such.html"], "error: --to no/such.html: expected a name that ends in .html"),
        (["steady.jsonl", "--model", "fraud:7"], "error: "),
    ],
)
def test_what_is_refused(arguments, said, place):
    done = weir("drift", *arguments, cwd=place)
    assert done.returncode in {1, 2}
    assert done.stderr.startswith(said), done.stderr


def test_a_manifest_of_before_scores_had_a_baseline_still_serves(place, model, tmp_path):
    kept = model.model_dump(mode="json", exclude={"outputs": {"baseline"}})
    assert Outputs.model_validate(kept["outputs"]).baseline is None
    folder = tmp_path / "store" / "fraud" / "1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(kept))
    (folder / "model.onnx").write_bytes((place / "store" / "fraud" / "1" / "model.onnx").read_bytes())
    (tmp_path / "weir.yaml").write_text("store: store\ndeployments:\n  - {name: blue, model: 'fraud:1'}\n")
    rows = table(weir("drift", place / "steady.jsonl", cwd=tmp_path))
    assert "the score" not in rows
    assert len(rows) == len(model.features)
