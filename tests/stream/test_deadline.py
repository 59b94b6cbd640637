import asyncio
import time

import pytest

from stream_worker.deadline import Deadline


def test_the_remaining_time_runs_down_to_zero():
    deadline = Deadline(0.05)
    assert 0 < deadline.remaining() <= 0.05
    time.sleep(0.06)
    assert deadline.remaining() == 0.0


async def test_steps_share_it():
    deadline = Deadline(0.1)
    started = time.monotonic()
    async with deadline.bound():
        await asyncio.sleep(0.06)
    with pytest.raises(TimeoutError):
        async with deadline.bound():
            await asyncio.sleep(5)
    assert time.monotonic() - started < 1


async def test_after_it_nothing_may_wait():
    with pytest.raises(TimeoutError):
        async with Deadline(0).bound():
            await asyncio.sleep(5)


async def test_a_block_that_does_not_wait_is_let_through():
    async with Deadline(10).bound():
        pass
