"""Java programs that are children of the tests: started, stopped, paused, and never left behind."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Guard", "JavaProgram"]

_TAIL_LINES = 30
_LAST_BYTES = 20_000
_REAP_SECONDS = 10


class Guard:
    """A process group that is killed when this process ends, even by SIGKILL.

    Its leader waits for the end of its input, whose other end only this process holds. The kernel's own means, a
    parent-death signal, would not do: it comes when the *thread* ends that started the child, and a test may restart
    a broker from a pool's thread.
    """

    def __init__(self) -> None:
        self._leader = subprocess.Popen(
            ["/bin/sh", "-c", "read -r _; kill -KILL 0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def group(self) -> int:
        """The process group to start children in."""
        return self._leader.pid

    def close(self) -> None:
        """Kill every process of the group."""
        self._leader.stdin.close()
        self._leader.wait(_REAP_SECONDS)


class JavaProgram:
    """One Java program at a time, with all that it prints in one file."""

    def __init__(self, guard: Guard, java: Sequence[str], log: Path) -> None:
        self._guard, self._java, self._log = guard, list(java), log
        self._process: subprocess.Popen[bytes] | None = None
        self.paused = False

    def start(self, *arguments: str) -> None:
        """Start `java <options> <arguments>`; the end of a program before it is awaited first."""
        self.kill()
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._java, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._log.parent,
                process_group=self._guard.group,
            )

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended; a paused program is running."""
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout: float) -> int:
        """Wait for its end and return its exit code.

        Raises:
            TimeoutExpired: it has not ended within the time, in seconds.
        """
        return self._process.wait(timeout)

    def kill(self) -> None:
        """End it with SIGKILL, which a paused program obeys too; harmless if it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_REAP_SECONDS)
        self.paused = False

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): its connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Let a paused program go on (SIGCONT)."""
        self._process.send_signal(signal.SIGCONT)
        self.paused = False

    def tail(self) -> str:
        """Return the last lines that it printed."""
        if not self._log.exists():
            return "(it printed nothing)"
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - _LAST_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:])
