"""A worker process on event hubs whose sink stands still, and one that is told to stop while nobody answers."""

import time
from pathlib import Path

import psutil
import pytest

from tests.chaos.conftest import MakeHubsAuditor, Secrets
from tests.chaos.fleet import fleet, watch
from tests.chaos.hubs import configure_hubs, flowing_hubs
from tests.emulators.event_hubs import EventHubsServer

pytestmark = pytest.mark.timeout(120)

MIB = 2**20


@pytest.fixture
def released(fraud_store: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The store, and a folder for the configuration."""
    return fraud_store, tmp_path


def test_memory_is_bounded_while_the_sink_stands_still_and_nothing_is_lost(
    event_hubs: EventHubsServer,
    hub_secrets: Secrets,
    make_hubs_auditor: MakeHubsAuditor,
    fraud_store: Path,
    tmp_path: Path,
) -> None:
    auditor = make_hubs_auditor(60_000)
    config = configure_hubs(tmp_path, auditor, fraud_store)
    with fleet(config, environment=hub_secrets) as workers:
        worker = psutil.Process(workers.start().pid)
        with flowing_hubs(event_hubs, auditor, rate=100_000):
            assert watch(auditor, 40, until=lambda: len(auditor.answers) > 5000)
            event_hubs.busy(1_000_000)
            time.sleep(3)  # what can be read ahead is
            answered, before = len(auditor.answers), worker.memory_info().rss
            watch(auditor, 10)
            assert len(auditor.answers) - answered < 5000
            grown = (worker.memory_info().rss - before) / MIB
            event_hubs.busy(0)
            assert watch(auditor, 60, until=lambda: len(auditor.answers) == len(auditor.sent)), config.with_suffix(
                ".log"
            ).read_text()
        assert workers.stop(workers.workers[0]) == 0
    assert grown < 10
    assert (auditor.violations, auditor.lost) == ([], 0)


@pytest.mark.parametrize("fault", ["silence", "down"])
def test_a_stop_ends_inside_its_deadline_with_the_hub_unreachable(
    event_hubs: EventHubsServer,
    hub_secrets: Secrets,
    make_hubs_auditor: MakeHubsAuditor,
    released: tuple[Path, Path],
    fault: str,
) -> None:
    fraud_store, tmp_path = released
    auditor = make_hubs_auditor(20_000)
    config = configure_hubs(tmp_path, auditor, fraud_store, shutdown_timeout_s=6)
    with fleet(config, environment=hub_secrets) as workers:
        worker = workers.start()
        with flowing_hubs(event_hubs, auditor, rate=100_000):
            assert watch(auditor, 40, until=lambda: len(auditor.answers) > 1000)
            getattr(event_hubs, fault)()
            began = time.monotonic()
            code = workers.stop(worker)
            took = time.monotonic() - began
    assert took < 6 + 5 + 2, config.with_suffix(".log").read_text()  # and the grace of the one who ends it by force
    assert code in {0, 1, 70}
    assert auditor.violations == []
