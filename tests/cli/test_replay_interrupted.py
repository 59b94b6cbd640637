"""`weir replay` interrupted: killed, stopped, out of room; and gone on with, to the same bytes."""

import os
import random
import re
import signal
from pathlib import Path

import pytest

from tests.replay.commanded import BOUND_S, begun, entries, furnish, in_process, killed, until, whole
from tests.replay.staging import content


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return furnish(tmp_path_factory.mktemp("replay"))


@pytest.fixture
def here(place, monkeypatch, capsys):
    return in_process(place, monkeypatch, capsys)


@pytest.fixture(scope="module")
def undisturbed(place):
    """The output of a run that nothing happens to, by its format."""
    return {form: whole(place, form) for form in ("parquet", "jsonl")}


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
