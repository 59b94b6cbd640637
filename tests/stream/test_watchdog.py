"""The watchdog ends real processes, so most of this happens in some."""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream_worker.watchdog import EXIT_STALLED, Watchdog
from tests.stream.makers import until

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys, time
from stream_worker.watchdog import Watchdog

async def main():
    async with Watchdog(stall_timeout=LIMIT, hung=HUNG) as watchdog:
        print("begun", flush=True)
        BODY
    print("ended", flush=True)

asyncio.run(main())
"""


def run(body, *, limit=10, hung="list"):
    program = PROGRAM.replace("BODY", body).replace("HUNG", hung).replace("LIMIT", str(limit))
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.startswith("begun")
    return done, time.monotonic() - started


def test_a_loop_that_stands_still_ends_the_process():
    done, seconds = run("time.sleep(20)", limit=0.4)
    assert done.returncode == EXIT_STALLED == 70
    assert re.fullmatch(r"error: the event loop has stood still for \d s; ending the process\n", done.stderr)
    assert seconds < 10


def test_a_stop_that_takes_too_long_ends_the_process():
    done, seconds = run("watchdog.end_within(0.2); await asyncio.sleep(20)")
    assert (done.returncode, done.stderr) == (70, "error: the stop took too long; ending the process\n")
    assert seconds < 10


def test_a_step_that_hangs_ends_the_process_though_its_loop_runs():
    done, _ = run("await asyncio.sleep(20)", hung="lambda: ['publishing has been waiting for 9 s', 'so has scoring']")
    assert done.returncode == 70
    assert done.stderr == "error: publishing has been waiting for 9 s; so has scoring; ending the process\n"


def test_clean_up_that_hangs_does_not_hold_it():
    body = """
        import atexit, threading
        atexit.register(time.sleep, 20)
        threading.Thread(target=time.sleep, args=(20,)).start()
        time.sleep(20)
    """
    done, seconds = run(body.strip(), limit=0.4)
    assert done.returncode == 70
    assert seconds < 10


def test_a_loop_that_goes_on_is_left_alone():
    done, _ = run("await asyncio.sleep(1.2); watchdog.end_within(60)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\nended\n", "")


async def test_it_watches_no_more_after_its_block(monkeypatch):
    monkeypatch.setattr("stream_worker.watchdog._CHECK_S", 0.02)
    ended: list[int] = []
    async with Watchdog(stall_timeout=0.1, end=ended.append) as watchdog:
        pass
    await asyncio.sleep(0.3)
    assert ended == []
    watchdog._thread.join(5)
    assert not watchdog._thread.is_alive()


async def test_it_counts_from_the_last_beat(monkeypatch):
    monkeypatch.setattr("stream_worker.watchdog._CHECK_S", 0.02)
    async with Watchdog(stall_timeout=60) as watchdog:
        await asyncio.sleep(0.1)
        assert watchdog.still_for < 0.1


@pytest.mark.parametrize("seconds", [0, 0.1])
async def test_the_bound_of_a_stop_counts_from_the_call(monkeypatch, seconds):
    monkeypatch.setattr("stream_worker.watchdog._CHECK_S", 0.02)
    ended: list[int] = []
    async with Watchdog(stall_timeout=60, end=ended.append) as watchdog:
        await asyncio.sleep(0.1)
        assert ended == []
        watchdog.end_within(seconds)
        await until(lambda: ended != [])
    assert ended[0] == 70
