"""What `weir replay` shows, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from stream_worker.replay.histogram import Bar
from stream_worker.replay.records import Problem
from stream_worker.replay.run import Totals
from stream_worker.replay.sample import Estimate
from stream_worker.replay.summary import Archive, Described, Summary
from weir.replay import screen
from weir.replay.screen import Screen, show_estimate, show_summary


def console(*, terminal=False):
    return Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None, legacy_windows=False)


def shown(screen):
    return screen.file.getvalue()


def totals(**more):
    return Totals(**({"records": 50_000, "dead_letters": 7, "bytes_read": 250} | more))


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(screen.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_line_is_told_every_five_seconds(clock):
    told = console()
    screen = Screen(told, 1000)
    with screen.live():
        screen.show(totals(records=10_000, bytes_read=50))
        clock[0] += 4.9
        screen.show(totals())
        assert shown(told) == ""
        clock[0] += 0.1
        screen.show(totals())
        screen.show(totals())
    assert shown(told) == "25% read: 50,000 records, 10,000/s, 7 dead letters, about 0:19 left\n"


def test_what_earlier_runs_did_is_not_this_runs_speed(clock):
    told = console()
    screen = Screen(told, 1000)
    clock[0] += 5
    screen.show(totals(begun_with=40_000, problems=2))
    assert shown(told) == "25% read: 50,000 records, 2,000/s, 7 dead letters, 2 problems\n"
    assert screen.rate == 2000


def test_what_went_wrong_so_far():
    told, problem = console(), Problem(path="[a].avro", offset=1000, words="cut off")
    screen = Screen(told, 1000)
    screen.show(totals(planned=[problem], problems=2))
    screen.show_problems()
    assert shown(told) == "problem: [a].avro, from 1,000 on: cut off\nand 1 more problems\n"


def test_on_a_terminal_there_is_a_bar():
    told = console(terminal=True)
    screen = Screen(told, 1000)
    with screen.live():
        screen.show(totals())
    assert "25% 50,000 records" in shown(told)


SUMMARY = Summary(
    model={"name": "fraud", "version": 3, "digest": "0" * 64},
    archive=Archive(groups=2, files=2, bytes=5_000_000),
    records=30,
    predictions=20,
    labels={"0": 18, "1": 2},
    dead_letters={"empty": 10},
    duplicates=4,
    not_asked_for=5,
    problems=22,
    first_problems=[Described(file=f"[{number}].avro", offset=1000 * number, words="cut off") for number in range(22)],
    scores=[{"from": place / 20, "to": (place + 1) / 20, "count": 18 * (place == 0) + 2 * (place == 19)}
            for place in range(20)],
    ends={"tx/0": 29},
)  # fmt: skip


def test_a_summary():
    told, screen = console(), Screen(console(), 1000)
    screen.show(totals(peaks={7: 2**28, 8: 2**27}))
    show_summary(told, SUMMARY, screen)
    text = shown(told)
    rows = dict(map(str.strip, line.strip("│").split("│")) for line in text.splitlines() if line.startswith("│"))
    assert float(rows.pop("records a second").replace(",", "")) > 0
    assert rows == {
        "model": "fraud:3",
        "archive": "2 files, 4.8 MiB",
        "records": "30",
        "predictions": "20",
        "label 0": "18",
        "label 1": "2",
        "dead letters": "10",
        "empty": "10",
        "duplicates passed over": "4",
        "not asked for": "5",
        "problems": "22",
        "peak memory": "256 MiB in each of 2 processes at most",
    }
    lines = [line for line in text.splitlines() if not line.startswith(("│", "┌", "└"))]
    assert lines[:2] == ["problem: [0].avro, from 0 on: cut off", "problem: [1].avro, from 1,000 on: cut off"]
    assert lines[20:23] == ["and 2 more problems", "scores", f"        0 to 0.1       {'█' * 40} 18"]
    assert lines[23] == "      0.1 to 0.2       0"
    assert lines[-1] == f"      0.9 to 1         {'█' * 5} 2"


def test_an_estimate():
    told = console()
    found = Estimate(
        groups=3,
        files=2,
        bytes=2048,
        looked_at=100,
        records=5_000_000,
        seconds=7300.0,
        output_bytes=3 * 2**30,
        dead_letters={"empty": 2},
        reasons={"empty": "the event is [empty]"},
        problems=[Problem(path="a", offset=0, words="cut off")],
    )
    show_estimate(told, found, workers=2, has_rows=True)
    lines = [" ".join(line.split()) for line in shown(told).splitlines()[1:]]
    assert lines == [
        "│ groups │ 3 │",
        "│ files │ 2 │",
        "│ bytes │ 2.0 KiB │",
        "│ records, about │ 5,000,000 │",
        "│ time, about │ 1:00:50 │",
        "│ output, about │ 3.0 GiB │",
        "│ dead letters among 100 │ 2 │",
        "│ empty │ 2 │",
        lines[8],
        "empty, for instance: the event is [empty]",
        "problem: a, from 0 on: cut off",
    ]


def test_a_bar_has_both_of_its_halves():
    bars = [Bar(0.0, 0.5, 3), Bar(0.5, 1.0, 1)]
    assert list(screen._drawn(bars)) == ["scores", f"        0 to 1         {'█' * 40} 4"]
    assert list(screen._drawn([])) == []
