import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.brokers.jvm import Guard, JavaProgram

REPOSITORY = Path(__file__).parents[2]

PARENT = """
import pathlib, sys
from tests.brokers.jvm import Guard, JavaProgram
program = JavaProgram(Guard(), ["sleep"], pathlib.Path(sys.argv[1]))
program.start("600")
print("up", flush=True)
input()
"""


@pytest.fixture
def guard():
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def shell(guard, tmp_path):
    program = JavaProgram(guard, ["/bin/sh", "-c"], tmp_path / "log")
    yield program
    program.kill()


def test_children_die_with_a_process_that_is_killed(tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"up\n"
        children = psutil.Process(parent.pid).children()
        assert ["sleep", "600"] in [child.cmdline() for child in children]
        parent.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_closing_the_guard_kills_what_is_paused_too(tmp_path):
    guard = Guard()
    program = JavaProgram(guard, ["sleep"], tmp_path / "log")
    program.start("600")
    program.pause()
    assert program.paused
    guard.close()
    assert program.wait(10) == -signal.SIGKILL


def test_starting_again_ends_the_first(shell):
    shell.start("sleep 600")
    first = shell._process
    shell.start("exit 3")
    assert first.returncode == -signal.SIGKILL
    assert shell.wait(10) == 3
    assert not shell.running


def test_the_tail_is_the_end_of_everything_printed(shell):
    assert shell.tail() == "(it printed nothing)"
    shell.start("seq 100000; echo failed >&2")
    shell.wait(10)
    lines = shell.tail().splitlines()
    assert lines[-2:] == ["100000", "failed"]
    assert len(lines) == 30
