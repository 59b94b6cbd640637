"""The auditor finds nothing wrong with the worker, and finds each of three planted faults."""

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.auditor import Auditor
from tests.chaos.conftest import MakeAuditor
from tests.chaos.fleet import Fleet, configure, fleet, flowing, watch

pytestmark = pytest.mark.timeout(180)

EVENTS = 15_000
RATE = 2500
PUBLISH_DELAY = 0.2  # a slow sink, so that there is always a batch on its way when something happens


def kill_thrice(auditor: Auditor, workers: Fleet) -> None:
    for _ in range(3):
        before = len(auditor.answers)
        worker = workers.start()
        assert watch(auditor, 30, until=lambda: len(auditor.answers) > before + 1000)  # noqa: B023 - called at once
        workers.kill(worker)
        auditor.look()
    workers.start()


def join_and_leave(auditor: Auditor, workers: Fleet) -> None:
    workers.start()
    assert watch(auditor, 30, until=lambda: len(auditor.answers) > 1000)
    second = workers.start()
    watch(auditor, 5)
    assert workers.stop(second) == 0
    watch(auditor, 1)


def run(auditor: Auditor, config: Path, fault: str, script) -> None:
    with fleet(config, fault=fault, publish_delay=PUBLISH_DELAY) as workers, flowing(auditor, rate=RATE):
        script(auditor, workers)
        watch(
            auditor,
            30,
            until=lambda: auditor.violations or (len(auditor.answers) == EVENTS and not auditor.uncommitted),
        )
        auditor.look()


@pytest.fixture
def audited(apache_kafka: Broker, make_auditor: MakeAuditor, fraud_store: Path, tmp_path: Path) -> tuple[Auditor, Path]:
    auditor = make_auditor(apache_kafka, EVENTS)
    return auditor, configure(tmp_path, apache_kafka.bootstrap_servers, auditor.topics, fraud_store)


def test_kills_with_a_slow_sink_break_no_promise(audited: tuple[Auditor, Path]) -> None:
    auditor, config = audited
    run(auditor, config, "none", kill_thrice)
    assert (auditor.violations, auditor.lost, auditor.uncommitted) == ([], 0, 0)


def test_partitions_that_move_are_handed_over_without_a_duplicate(audited: tuple[Auditor, Path]) -> None:
    auditor, config = audited
    run(auditor, config, "none", join_and_leave)
    assert (auditor.violations, auditor.lost, auditor.duplicates, auditor.uncommitted) == ([], 0, 0, 0)


@pytest.mark.parametrize("fault", ["commit_before_publish", "bare_commit"])
def test_a_commit_ahead_of_the_output_is_caught(audited: tuple[Auditor, Path], fault: str) -> None:
    auditor, config = audited
    run(auditor, config, fault, kill_thrice)
    assert any("is committed to" in violation for violation in auditor.violations)


def test_a_missing_epoch_check_is_caught(audited: tuple[Auditor, Path]) -> None:
    auditor, config = audited
    run(auditor, config, "no_epoch_check", join_and_leave)
    assert auditor.duplicates > 0
