"""A fresh set of topics with an auditor on them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.fraud.events import events
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Prediction, encode
from tests.brokers import Broker, unique_topic
from tests.chaos.auditor import Auditor, Topics

MakeAuditor = Callable[..., Auditor]


@pytest.fixture
def make_auditor(fraud_store: Path) -> Iterator[MakeAuditor]:
    """`make_auditor(broker, count)` makes topics, and an auditor that knows every event's right answer."""
    made: list[Auditor] = []
    pipeline = load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))

    def make(broker: Broker, count: int, *, malformed: int = 100) -> Auditor:
        names = [broker.create_topic(unique_topic(kind), 4) for kind in ("tx", "out", "dead")]
        sent = events(count, malformed=malformed)
        outcomes = pipeline.score([Event(event.value) for event in sent])
        predictions = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
        answers = dict(zip((str(p.event_id) for p in predictions), encode(predictions), strict=True))
        auditor = Auditor(broker.bootstrap_servers, Topics(*names, unique_topic("group")), sent, answers)
        made.append(auditor)
        return auditor

    yield make
    for auditor in made:
        auditor.close()
