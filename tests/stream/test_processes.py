"""Supervision of real child processes, which write what happens to them into a file."""

import asyncio
import sys
import time

import pytest

from stream_worker.processes import supervise
from tests.stream.makers import until

PROGRAM = """
import os, signal, sys, time

OTHER = sys.argv[1][:-1] + '1'

def note(text):
    with open(sys.argv[1], "a") as journal:
        journal.write(text + "\\n")

def leave(*_):
    note("stopping")
    sys.exit(0)

"""
WELL = "signal.signal(signal.SIGTERM, leave); note('started'); time.sleep(30)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('started'); time.sleep(30)"
CRASHING = "note('started'); sys.exit(3)"
AFTER_THE_OTHER = "note('started'); next(n for n in range(500) if os.path.exists(OTHER) or time.sleep(0.02))"
NOT_YET_LISTENING = "note('started'); time.sleep(30)"


class Supervised:
    """A supervisor over some processes, and their journals."""

    def __init__(self, folder, *programs, shutdown_timeout=10.0):
        self.journals = [folder / f"journal-{index}" for index in range(len(programs))]
        commands = [
            [sys.executable, "-c", PROGRAM + program, str(journal)]
            for program, journal in zip(programs, self.journals, strict=True)
        ]
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(supervise(commands, self.stop, shutdown_timeout=shutdown_timeout))

    def notes(self, index=0):
        journal = self.journals[index]
        return journal.read_text().split() if journal.exists() else []

    async def all_started(self):
        await until(lambda: all(self.notes(index) for index in range(len(self.journals))), self.task)

    async def code(self):
        async with asyncio.timeout(15):
            return await self.task


async def test_a_stop_reaches_all(tmp_path):
    supervised = Supervised(tmp_path, WELL, WELL, WELL)
    await supervised.all_started()
    supervised.stop.set()
    assert await supervised.code() == 0
    assert [supervised.notes(index) for index in range(3)] == [["started", "stopping"]] * 3


async def test_a_process_that_dies_is_started_again_after_a_pause_that_doubles(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("stream_worker.processes._FIRST_PAUSE_S", 0.05)
    supervised = Supervised(tmp_path, CRASHING, WELL)
    await until(lambda: len(supervised.notes()) >= 3, supervised.task)
    assert supervised.notes(1) == ["started"]
    supervised.stop.set()
    await supervised.code()
    pauses = [record.args[2] for record in caplog.records]
    assert pauses[:2] == [0.05, 0.1]
    assert "ended with 3; starting another in 0.05 s" in caplog.text


async def test_pauses_have_a_longest_and_begin_anew_after_a_long_life(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("stream_worker.processes._FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("stream_worker.processes._LONGEST_PAUSE_S", 0.1)
    supervised = Supervised(tmp_path, CRASHING)
    await until(lambda: len(supervised.notes()) >= 3, supervised.task)
    monkeypatch.setattr("stream_worker.processes._QUICK_S", 0.0)
    seen = len(supervised.notes())
    await until(lambda: len(supervised.notes()) >= seen + 2, supervised.task)
    supervised.stop.set()
    assert await supervised.code() in {0, 3}
    pauses = [record.args[2] for record in caplog.records]
    assert pauses[:2] == [0.05, 0.1]
    assert max(pauses) == 0.1
    assert pauses[-1] == 0.05


async def test_a_stop_during_the_pause_does_not_wait_for_it(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("stream_worker.processes._FIRST_PAUSE_S", 30.0)
    supervised = Supervised(tmp_path, CRASHING)
    await until(lambda: "starting another in 30 s" in caplog.text, supervised.task)
    started = time.monotonic()
    supervised.stop.set()
    assert await supervised.code() == 3
    assert time.monotonic() - started < 2


async def test_a_process_that_does_not_listen_is_killed_at_the_deadline(tmp_path, caplog):
    supervised = Supervised(tmp_path, DEAF, WELL, shutdown_timeout=0.5)
    await supervised.all_started()
    started = time.monotonic()
    supervised.stop.set()
    assert await supervised.code() == 1
    assert 0.5 <= time.monotonic() - started < 5
    assert "did not stop within 0.5 s; killing it" in caplog.text
    assert supervised.notes(1) == ["started", "stopping"]
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize("code", [0, 2])
async def test_one_that_ends_well_or_is_misconfigured_ends_all(tmp_path, code):
    supervised = Supervised(tmp_path, f"{AFTER_THE_OTHER}; sys.exit({code})", WELL)
    assert await supervised.code() == code
    assert supervised.notes(0) == ["started"]
    assert supervised.notes(1) == ["started", "stopping"]


async def test_a_process_stopped_before_it_listens_to_signals_is_no_failure(tmp_path):
    supervised = Supervised(tmp_path, NOT_YET_LISTENING)
    await supervised.all_started()
    supervised.stop.set()
    assert await supervised.code() == 0


async def test_a_program_that_does_not_exist_is_an_error_of_its_own(tmp_path):
    with pytest.raises(ExceptionGroup) as caught:
        await supervise([[str(tmp_path / "nothing")]], asyncio.Event(), shutdown_timeout=1)
    assert isinstance(caught.value.exceptions[0], FileNotFoundError)
