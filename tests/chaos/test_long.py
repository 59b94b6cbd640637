"""A million events while workers are killed, frozen and moved about, and brokers are killed and frozen too."""

import random
import signal
from pathlib import Path

import pytest

from tests.brokers.apache import ApacheKafka
from tests.chaos.auditor import Auditor
from tests.chaos.conftest import MakeAuditor
from tests.chaos.fleet import Fleet, configure, fleet, flowing, watch

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(2400)]

EVENTS = 1_000_000
RATE = 3000


def kill_one(workers: Fleet, auditor: Auditor, chance: random.Random) -> None:
    workers.kill(chance.choice(workers.workers))
    watch(auditor, chance.uniform(0, 2))
    workers.start()


def freeze_one(workers: Fleet, auditor: Auditor, chance: random.Random) -> None:
    """Freeze a worker until its partitions have moved, then let it go on: what it still holds is somebody else's."""
    frozen = chance.choice(workers.workers)
    frozen.send_signal(signal.SIGSTOP)
    watch(auditor, chance.uniform(1, 8))
    frozen.send_signal(signal.SIGCONT)


def stop_one(workers: Fleet, auditor: Auditor, chance: random.Random) -> None:
    assert workers.stop(chance.choice(workers.workers)) == 0
    watch(auditor, chance.uniform(0, 2))
    workers.start()


def test_a_million_events_among_dying_workers_and_brokers(
    killable_kafka_three: ApacheKafka, make_auditor: MakeAuditor, fraud_store: Path, tmp_path: Path
) -> None:
    kafka, chance = killable_kafka_three, random.Random(20)
    auditor = make_auditor(kafka, EVENTS, malformed=1000)
    config = configure(tmp_path, kafka.bootstrap_servers, auditor.topics, fraud_store, session_timeout_s=4)
    with fleet(config) as workers, flowing(auditor, rate=RATE) as producing:
        for _ in range(2):
            workers.start()
        broker = 0
        while producing.thread.is_alive():
            chance.choice([kill_one, kill_one, freeze_one, stop_one])(workers, auditor, chance)
            if chance.random() < 0.2:
                broker = (broker + 1) % 3
                kafka.kill(broker)
                watch(auditor, chance.uniform(1, 5))
                kafka.restart(broker)
            watch(auditor, chance.uniform(2, 8))
            workers.replace_the_dead()
        watch(auditor, 180, until=lambda: len(auditor.answers) == EVENTS and not auditor.uncommitted)
        auditor.look()
    assert auditor.violations == []
    assert (len(auditor.at), auditor.lost, auditor.uncommitted) == (EVENTS, 0, 0)
