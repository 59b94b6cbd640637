import asyncio
import time

import pytest

from function_app.auth.refresh import Refresher, RefreshError
from tests.http.auth.asking import wait_until


class Attempts:
    """Counts, and fails or takes its time as told."""

    def __init__(self):
        self.began = []
        self.error = None
        self.seconds = 0.0

    async def __call__(self):
        self.began.append(time.monotonic())
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error


@pytest.fixture
def attempts():
    return Attempts()


def refresher(attempts, **changed):
    return Refresher(attempts, **{"what": "the test", "interval_s": 60, "timeout_s": 1, "floor_s": 0, **changed})


async def test_it_comes_again_at_its_interval(attempts):
    made = refresher(attempts, interval_s=0.1)
    made.start()
    await wait_until(lambda: len(attempts.began) == 4)
    await made.stop()
    assert all(0.09 < b - a < 0.5 for a, b in zip(attempts.began, attempts.began[1:], strict=False))
    await asyncio.sleep(0.2)
    assert len(attempts.began) == 4


async def test_the_pause_after_a_failure_grows_and_ends(attempts, caplog):
    caplog.set_level("INFO")
    made = refresher(attempts, interval_s=3600)
    attempts.error = RefreshError("said no")
    for _ in range(9):
        assert not await made.refresh()
    attempts.error = None
    assert await made.refresh()
    assert made._pause_s() == 3600
    pauses = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [record.getMessage() for record in caplog.records] == [
        *(f"the test: said no; trying again in {pause} s" for pause in pauses),
        "the test: read again",
    ]


async def test_asking_brings_it_forward_but_never_closer_than_the_floor(attempts):
    made = refresher(attempts, floor_s=0.3)
    await made.refresh()
    made.start()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert 0 <= made.hasten() <= 0.3
        await asyncio.sleep(0.005)
    await made.stop()
    assert 3 <= len(attempts.began) <= 5
    assert all(b - a > 0.29 for a, b in zip(attempts.began, attempts.began[1:], strict=False))


async def test_all_who_wait_share_the_attempt_under_way(attempts):
    made = refresher(attempts)
    attempts.seconds = 0.2
    made.start()
    made.hasten()
    await wait_until(lambda: attempts.began)
    assert made.hasten() == 0
    await asyncio.gather(*(made.wait(5) for _ in range(10)))
    await made.stop()
    assert len(attempts.began) == 1


async def test_waiting_ends_with_patience(attempts):
    started = time.monotonic()
    await refresher(attempts).wait(0.1)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("error", [ValueError("a secret"), ExceptionGroup("a secret", [OSError("a secret")])])
async def test_the_text_of_an_unknown_error_is_not_logged(attempts, error, caplog):
    attempts.error = error
    assert not await refresher(attempts).refresh()
    assert "secret" not in caplog.text
    assert caplog.records[0].getMessage() == f"the test: {type(error).__name__}; trying again in 1 s"
    assert caplog.records[0].exc_info is None


async def test_an_attempt_is_bounded(attempts, caplog):
    attempts.seconds = 30
    assert not await refresher(attempts, timeout_s=0.1).refresh()
    assert caplog.records[0].getMessage() == "the test: no answer within 0.1 s; trying again in 1 s"


async def test_stopping_in_the_middle_of_an_attempt_is_quick(attempts):
    made = refresher(attempts, timeout_s=30)
    attempts.seconds = 30
    made.start()
    made.hasten()
    await wait_until(lambda: attempts.began)
    started = time.monotonic()
    await made.stop()
    await made.stop()
    assert time.monotonic() - started < 1
    assert made.hasten() >= 0


async def test_an_attempt_that_will_not_stop_is_left_behind(attempts, monkeypatch, caplog):
    monkeypatch.setattr("function_app.auth.refresh._STOP_S", 0.1)
    over = asyncio.Event()

    async def stubborn():
        attempts.began.append(0)
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    made = Refresher(stubborn, what="the test", interval_s=60, timeout_s=30)
    made.start()
    made.hasten()
    await wait_until(lambda: attempts.began)
    task = made._task
    await made.stop()
    assert caplog.records[0].getMessage() == "the test: reading did not stop within 0.1 s"
    over.set()
    await asyncio.wait_for(task, 5)
