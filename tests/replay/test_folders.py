"""Folders on a disk: two who write one file, and who holds a lock."""

import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

from scoring.errors import ConfigurationError, SinkError
from stream_worker.replay import output
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.output import WORKERS
from stream_worker.replay.targets import target_at
from tests.cli.running import ROOT
from tests.replay.staging import content

HERE = StorageOptions()
HOLD = """
    import os, sys
    from pathlib import Path
    from stream_worker.replay.folders import LocalFolder
    with LocalFolder(Path(sys.argv[1])).locked("workers", shared=True):
        print(os.getpid(), flush=True)
        sys.stdin.read(1)
"""


def test_two_who_write_one_file_do_not_mix(tmp_path):
    folder = LocalFolder(tmp_path)
    with folder.create("name") as slow:
        slow.write(b"whole, ")
        slow.flush()
        written = subprocess.run(
            [sys.executable, "-c", PUT, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, timeout=60
        )
        assert written.returncode == 0
        assert content(tmp_path)["name"] == b"the other's, shorter"
        slow.write(b"and written by one alone")
    assert content(tmp_path) == {"name": b"whole, and written by one alone"}


PUT = """
import sys
from pathlib import Path
from stream_worker.replay.folders import LocalFolder
LocalFolder(Path(sys.argv[1])).put("name", b"the other's, shorter")
"""


def test_what_killed_writers_have_left_is_swept(tmp_path):
    folder = LocalFolder(tmp_path)
    for name in ("a/b", "a/.hidden", ".x.writing", "a/.b.host.1.2.writing"):
        folder.put(name, b"")
    folder.sweep("c")
    assert len(content(tmp_path)) == 4
    folder.sweep()
    assert sorted(content(tmp_path)) == ["a/.hidden", "a/b"]


@contextmanager
def holding(folder):
    """Let another process share the lock of those who work, and yield its number and what lets it go."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield int(process.stdout.readline()), lambda: process.communicate("x", timeout=30)
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_who_shares_a_lock(tmp_path):
    folder = LocalFolder(tmp_path)
    assert folder.holders(WORKERS) == ()
    with holding(tmp_path) as (one, let_go), holding(tmp_path) as (other, _):
        assert [each.partition(" on ")[0] for each in folder.holders(WORKERS)] == [str(one), str(other)]
        let_go()
        assert [each.partition(" on ")[0] for each in folder.holders(WORKERS)] == [str(other)]
        with pytest.raises(ConfigurationError, match="another replay is at work on it"), folder.locked(WORKERS):
            pass
    assert folder.holders(WORKERS) == ()
    assert content(tmp_path) == {WORKERS: b""}


def test_processes_of_an_earlier_run_are_waited_for_by_name(tmp_path, monkeypatch, caplog):
    target, warn = target_at(str(tmp_path / "out"), HERE), output._LOG.warning
    with holding(target.work.root) as (number, let_go):
        monkeypatch.setattr(output._LOG, "warning", lambda *words: (warn(*words), let_go()))
        with target.locked():
            pass
    [said] = caplog.messages
    assert said.startswith(f"{tmp_path}/out.partial: waiting for processes of an earlier run to end: {number} on ")


def test_processes_that_are_stuck_end_the_wait_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_WORKERS_S", 0.3)
    target = target_at(str(tmp_path / "out"), HERE)
    with holding(target.work.root) as (number, _):
        with pytest.raises(SinkError) as error, target.locked():
            pass
        target.work.put("journal/a.jsonl", b"")
        target.abandon()
        assert target.work.size("journal/a.jsonl") == 0  # they may still write it
    start = f"{tmp_path}/out.partial: processes of an earlier run are still at work on it after 0.3 s: {number} on "
    assert str(error.value).startswith(start)
    assert str(error.value).endswith(". End them, and the same command goes on")
