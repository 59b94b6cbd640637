"""Workers on event hubs are shared out, killed and cut off, and nothing is lost."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import MakeHubsAuditor, Secrets
from tests.chaos.fleet import fleet, pauses, watch
from tests.chaos.hubs import configure_hubs, flowing_hubs
from tests.chaos.hubs_auditor import HubsAuditor
from tests.emulators.event_hubs import EventHubsServer

pytestmark = pytest.mark.timeout(240)

EVENTS = 50_000
KILLS = 5


def done(auditor: HubsAuditor) -> Callable[[], bool]:
    return lambda: len(auditor.answers) == len(auditor.sent) and auditor.uncommitted == 0


def test_two_workers_share_four_partitions(
    event_hubs: EventHubsServer,
    hub_secrets: Secrets,
    make_hubs_auditor: MakeHubsAuditor,
    fraud_store: Path,
    tmp_path: Path,
) -> None:
    auditor = make_hubs_auditor(EVENTS)
    config = configure_hubs(tmp_path, auditor, fraud_store)
    with fleet(config, environment=hub_secrets) as workers:
        pair = workers.start(), workers.start()
        assert watch(auditor, 40, until=lambda: sorted(Counter(auditor.owners().values()).values()) == [2, 2])
        with flowing_hubs(event_hubs, auditor, rate=20_000):
            assert watch(auditor, 120, until=done(auditor)), config.with_suffix(".log").read_text()
        assert [workers.stop(worker) for worker in pair] == [0, 0]
        auditor.look()
    assert auditor.violations == []
    assert (len(auditor.at), auditor.lost, auditor.uncommitted) == (EVENTS, 0, 0)


def test_kills_and_a_bad_network_while_50_000_events_flow(
    event_hubs: EventHubsServer,
    hub_secrets: Secrets,
    make_hubs_auditor: MakeHubsAuditor,
    fraud_store: Path,
    tmp_path: Path,
) -> None:
    auditor = make_hubs_auditor(EVENTS)
    config = configure_hubs(tmp_path, auditor, fraud_store)

    def refuse_tokens() -> None:
        event_hubs.refuse_tokens(refuse=True)
        event_hubs.drop_connections()
        watch(auditor, 2)
        event_hubs.refuse_tokens(refuse=False)

    troubles = [
        event_hubs.detach,
        event_hubs.drop_connections,
        refuse_tokens,
        lambda: event_hubs.busy(5),
        lambda: event_hubs.lose_acknowledgements(3),
    ]
    with fleet(config, environment=hub_secrets) as workers:
        workers.start(), workers.start()
        with flowing_hubs(event_hubs, auditor, rate=1500):
            for trouble, pause in zip(troubles, pauses(KILLS, seed=7, shortest=0.2, longest=2.0), strict=True):
                answered = len(auditor.answers)
                assert watch(auditor, 40, until=lambda: len(auditor.answers) > answered), (  # noqa: B023 - called at once
                    f"the workers do nothing: {config.with_suffix('.log').read_text()}"
                )
                trouble()
                watch(auditor, pause)
                workers.kill(workers.workers[0])
                workers.replace_the_dead()
                workers.start()
            assert watch(auditor, 120, until=done(auditor)), config.with_suffix(".log").read_text()
        assert [workers.stop(worker) for worker in list(workers.workers)] == [0, 0]
        auditor.look()
    assert auditor.violations == []
    assert (len(auditor.at), auditor.lost, auditor.uncommitted) == (EVENTS, 0, 0)


def test_a_commit_ahead_of_the_output_is_caught(
    event_hubs: EventHubsServer,
    hub_secrets: Secrets,
    make_hubs_auditor: MakeHubsAuditor,
    fraud_store: Path,
    tmp_path: Path,
) -> None:
    auditor = make_hubs_auditor(2000)
    config = configure_hubs(tmp_path, auditor, fraud_store)
    with fleet(config, fault="commit_before_publish", publish_delay=0.3, environment=hub_secrets) as workers:
        workers.start()
        with flowing_hubs(event_hubs, auditor, rate=2000):
            watch(auditor, 40, until=lambda: auditor.violations)
    assert "is committed to" in auditor.violations[0]
