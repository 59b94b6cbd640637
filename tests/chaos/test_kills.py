"""The worker is killed at random while events flow through Apache Kafka, and nothing is lost."""

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.conftest import MakeAuditor
from tests.chaos.fleet import configure, fleet, flowing, pauses, watch

pytestmark = pytest.mark.timeout(240)

EVENTS = 100_000
KILLS = 10


def test_ten_kills_while_100_000_events_flow(
    apache_kafka: Broker, make_auditor: MakeAuditor, fraud_store: Path, tmp_path: Path
) -> None:
    auditor = make_auditor(apache_kafka, EVENTS)
    config = configure(tmp_path, apache_kafka.bootstrap_servers, auditor.topics, fraud_store)
    # a tenth of the events for each worker, so that they flow at every kill, however slow the machine is
    with fleet(config) as workers, flowing(auditor, rate=2500, portions=KILLS + 1) as flow:
        answered = 0
        for pause in pauses(KILLS, seed=42, shortest=0.05, longest=1.5):
            worker = workers.start()
            watch(auditor, 30, until=lambda: len(auditor.answers) > answered)  # noqa: B023 - called at once
            assert len(auditor.answers) > answered, f"the worker does nothing: {config.with_suffix('.log').read_text()}"
            watch(auditor, pause)
            workers.kill(worker)
            auditor.look()
            answered = len(auditor.answers)
            flow.more()
        last = workers.start()
        watch(auditor, 60, until=lambda: len(auditor.answers) == EVENTS and auditor.uncommitted == 0)
        assert workers.stop(last) == 0
        auditor.look()
    assert auditor.violations == []
    assert (len(auditor.at), auditor.lost) == (EVENTS, 0)
    assert auditor.uncommitted == 0
