"""Several worker processes on one machine: started, restarted when they die, and stopped together.

Rules:
- A process that ends by itself with an error is started again after a pause that doubles while deaths follow each other
  quickly. One whose configuration is wrong (exit code 2) ends them all.
- A stop reaches every process, and what has not stopped by the deadline is killed.
"""

import asyncio
import logging
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress

from stream_worker.deadline import Deadline

__all__ = ["EXIT_CONFIGURATION", "supervise"]

_LOG = logging.getLogger(__name__)
EXIT_CONFIGURATION = 2
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_QUICK_S = 60.0  # a process that lived longer did not die of its start


async def supervise(commands: Sequence[Sequence[str]], stop: asyncio.Event, *, shutdown_timeout: float) -> int:
    """Run one process for each command until `stop` is set, and return the exit code for all.

    Args:
        commands: program and arguments, one process each.
        stop: set to stop them.
        shutdown_timeout: seconds that they may take to stop; what is left is killed.
    """
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_keep_running(command, stop, ended, shutdown_timeout)) for command in commands]
    codes = [task.result() for task in tasks]
    return next((code for code in codes if code), 0)


async def _keep_running(command: Sequence[str], stop: asyncio.Event, ended: asyncio.Event, seconds: float) -> int:
    pause = _FIRST_PAUSE_S
    while True:
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(*command)
        if not await _ended_by_itself(process, stop, ended):
            return await _stop(process, seconds)
        if process.returncode in (0, EXIT_CONFIGURATION):
            ended.set()
            return process.returncode
        if time.monotonic() - started > _QUICK_S:
            pause = _FIRST_PAUSE_S
        _LOG.error("worker process %d ended with %s; starting another in %g s", process.pid, process.returncode, pause)
        if await _any_set(stop, ended, seconds=pause):
            return process.returncode or 1
        pause = min(pause * 2, _LONGEST_PAUSE_S)


async def _ended_by_itself(process: Process, stop: asyncio.Event, ended: asyncio.Event) -> bool:
    exited = asyncio.create_task(process.wait())
    stopped = [asyncio.create_task(event.wait()) for event in (stop, ended)]
    try:
        await asyncio.wait([exited, *stopped], return_when=asyncio.FIRST_COMPLETED)
        return exited.done()
    finally:
        for task in (exited, *stopped):
            task.cancel()


async def _stop(process: Process, seconds: float) -> int:
    with suppress(ProcessLookupError):  # it ended meanwhile
        process.terminate()
    try:
        async with Deadline(seconds).bound():
            code = await process.wait()
            return 0 if code == -signal.SIGTERM else code  # it had not begun to work, nor to listen to signals
    except TimeoutError:
        _LOG.error("worker process %d did not stop within %g s; killing it", process.pid, seconds)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return 1


async def _any_set(*events: asyncio.Event, seconds: float) -> bool:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return bool(done)
