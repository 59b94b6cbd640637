"""A shell that runs a page's commands, one after the other, as a reader would who copies them."""

import os
import queue
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.docs.pages import ROOT

__all__ = ["Shell"]

_END = "\x1e"  # begins the line that follows a command's output: no command of ours prints it


class Shell:
    """One bash in a folder, whose variables and background jobs live from one command to the next."""

    def __init__(self, folder: Path, **environment: str) -> None:
        plain = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        # the documents' ports may be taken on the machine that tests them
        plain |= {"WEIR__STREAM__HEALTH__PORT": "0", "WEIR__HTTP__PORT": "0"}
        path = {"PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        dropped = ("WEIR", "KAFKA", "FORCE_COLOR")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        if not (folder / ".venv").exists():
            (folder / ".venv").symlink_to(ROOT / ".venv")  # pages speak from the root of the checkout
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=inherited | plain | path | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)  # the bash and whatever it left running in its session
        self._bash.wait(10)
        self._reader.join(10)
        for pipe in (self._bash.stdin, self._bash.stdout):
            if pipe is not None:
                pipe.close()

    def run(self, command: str, *, seconds: float = 120.0) -> tuple[list[str], int]:
        """Return the lines that a command printed, on either stream, and its exit code."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{{ {command}\n}} < /dev/null\nprintf '\\n{_END}%d\\n' $?\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{command!r} takes longer than {seconds:g} s; so far: {printed}") from None
            if line.startswith(_END):
                return printed[:-1] if printed[-1:] == [""] else printed, int(line.removeprefix(_END))
            printed.append(line)

    def _read(self) -> None:
        assert self._bash.stdout is not None
        with suppress(ValueError):  # it is closed while this waits
            for line in self._bash.stdout:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(f"{_END}255")  # the bash is over
