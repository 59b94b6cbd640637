"""`weir demo`, shortened: what it prints is what the README shows, and its report counts every event."""

import json

import pytest

from tests.cli.running import weir
from tests.conftest import refuse
from tests.docs.matching import matches
from tests.docs.pages import ROOT, blocks
from tests.emulators.azurite import missing_tools

EVENTS, MALFORMED = 20_000, 50


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = weir("demo", "--events", EVENTS, "--malformed", MALFORMED, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out" / "demo", done.stdout


def test_it_prints_what_the_readme_shows(demonstration):
    _, printed = demonstration
    shown = next(block for block in blocks(ROOT / "README.md") if "what came out" in block.text)
    assert matches(shown.text.splitlines(), printed.splitlines()), printed


def test_its_report_counts_every_event(demonstration):
    folder, _ = demonstration
    report = json.loads((folder / "report.json").read_text())
    assert list(report) == [
        "events", "predictions", "dead_letters", "lost", "duplicated", "out_of_order", "wrongly_answered", "frauds",
        "frauds_caught", "events_per_second", "latency_ms_p50", "latency_ms_p99", "source", "steady_rate", "model",
        "certificate",
    ]  # fmt: skip
    assert (report["events"], report["predictions"]) == (EVENTS, EVENTS - MALFORMED)
    assert report["dead_letters"] == MALFORMED
    assert [report[key] for key in ("lost", "duplicated", "out_of_order", "wrongly_answered")] == [0, 0, 0, 0]
    assert 0 < report["frauds_caught"] <= report["frauds"]
    assert report["events_per_second"] > 0
    assert 0 < report["latency_ms_p50"] <= report["latency_ms_p99"]


def test_its_model_is_certified(demonstration):
    folder, _ = demonstration
    report = json.loads((folder / "report.json").read_text())
    assert (report["model"]["name"], report["model"]["version"]) == ("fraud", 1)
    assert report["certificate"]["passed"]
    assert (folder / "store" / "fraud" / "1" / "model.onnx").is_file()


def test_the_same_over_event_hubs(tmp_path):
    if missing := missing_tools():
        refuse(missing)
    done = weir("demo", "--source", "event_hubs", "--events", 5000, "--malformed", MALFORMED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "transactions through the event hubs at 127.0.0.1:" in done.stdout.replace("\n", " ")
    report = json.loads((tmp_path / "out" / "demo" / "report.json").read_text())
    assert (report["source"], report["predictions"], report["dead_letters"]) == (
        "event_hubs",
        5000 - MALFORMED,
        MALFORMED,
    )
    assert [report[key] for key in ("lost", "duplicated", "out_of_order", "wrongly_answered")] == [0, 0, 0, 0]
