"""Parts that hang and refuse to be cancelled: the process ends all the same, in a bound and with a word."""

import signal
import subprocess
import sys
import time

import pytest

from tests.cli.running import ROOT


@pytest.fixture
def start():
    processes = []

    def run(part):
        command = [sys.executable, "-m", "tests.cli.clinging", part]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate(timeout=10)


def test_a_sink_that_clings_ends_the_process(start):
    process = start("publish")
    started = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 70
    assert "error: publishing has been waiting for" in said
    assert time.monotonic() - started < 15


def test_a_fetch_that_clings_does_not_hold_a_stop(start):
    process = start("fetch")
    assert process.stderr is not None
    assert any("fetching" in line for line in process.stderr)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 70
    assert "error: " in said
    assert time.monotonic() - started < 15
