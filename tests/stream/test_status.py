import pytest

from stream_worker import Status


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("stream_worker.status.time.monotonic", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


@pytest.fixture
def status():
    status = Status()
    status.phase = "running"
    return status


@pytest.mark.parametrize("phase", ["starting", "stopping"])
def test_only_a_running_worker_is_ready(phase):
    status = Status()
    status.phase = phase
    assert status.problems() == [f"the worker is {phase}"]


def test_a_step_that_takes_long_is_a_problem_until_it_is_over(status, clock):
    with status.step("publishing") as timer:
        clock(10)
        assert status.problems() == []
        clock(2)
        assert status.problems() == ["publishing has been waiting for 12 s"]
    assert status.problems() == []
    assert timer.stage("publishing").end - timer.start == 12 * 10**9


def test_steps_go_on_side_by_side(status, clock):
    with status.step("publishing"):
        clock(6)
        with status.step("committing"):
            clock(11)
            assert status.longer_than(5) == [
                "publishing has been waiting for 17 s",
                "committing has been waiting for 11 s",
            ]
            assert status.longer_than(12) == ["publishing has been waiting for 17 s"]


def test_a_step_that_fails_is_over(status, clock):
    with pytest.raises(ValueError, match="x"), status.step("publishing"):
        raise ValueError("x")
    clock(100)
    assert status.problems() == []
