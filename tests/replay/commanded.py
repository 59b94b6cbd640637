"""`weir replay` as a user runs it: payments to score in a folder, and the command, killed there or in this process."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.cli.configured import configuration
from tests.cli.running import ROOT, weir
from tests.replay.staging import content
from weir.cli import main

__all__ = ["BOUND_S", "LINES", "Done", "begun", "entries", "furnish", "in_process", "killed", "line", "small_archive"]
__all__ += ["until", "whole"]

BOUND_S = 60.0
LINES = (20_000, 70_000, 70_000)


def line(number: int) -> str:
    """One record in a hundred is bad, and of these few as only the model itself can tell."""
    country = "xx" if number % 10_000 == 7 else ("de", "fr", "it")[number % 3]
    amount = '"much"' if number % 100 == 50 else number / 8
    return f'{{"id": "p{number}", "amount": {amount}, "count": {number % 5}, "country": "{country}"}}\n'


def furnish(folder: Path) -> Path:
    """Put a configuration, a store and an archive into a folder, and return it."""
    (folder / "weir.yaml").write_text(yaml.safe_dump(configuration(folder)))
    (folder / "archive").mkdir()
    for file, count in enumerate(LINES):
        text = "".join(line(file * 100_000 + number) for number in range(count))
        (folder / "archive" / f"{file}.jsonl").write_text(text)
    return folder


def small_archive(folder: Path) -> Path:
    """Write a short archive of 1,001 records, and return its path."""
    path = folder / "small.jsonl"
    path.write_text("".join(line(number) for number in range(1000)) + '{"id": \n')
    return path


def whole(place: Path, form: str) -> dict[str, bytes]:
    """Return the output of a run that nothing happens to."""
    done = weir("replay", "archive", "--to", f"whole-{form}", "--format", form, cwd=place)
    assert done.returncode == 0, done.stderr
    return content(place / f"whole-{form}")


@contextmanager
def begun(
    place: Path, *arguments: str, limit: int | None = None, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
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


def until(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    """Wait until something is so, or the process has ended."""
    deadline = time.monotonic() + BOUND_S
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def killed(process: "subprocess.Popen[str]", work: Path, chance: random.Random) -> bool:
    """Kill it at a moment after it has begun, and return whether it was still at work."""
    wanted = entries(work) + chance.choice([0, 1])
    until(process, lambda: work.exists() and entries(work) >= wanted)
    with suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0, 0.1))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    return True


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def in_process(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return what runs it in this process, which spares the second that a process takes to start."""
    monkeypatch.chdir(place)
    for name, value in {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)

    def replay(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["weir", "replay", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return replay
