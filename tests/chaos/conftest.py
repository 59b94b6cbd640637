"""A fresh set of topics with an auditor on them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from examples.fraud.events import StreamEvent, events
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Prediction, encode
from tests.brokers import Broker, unique_topic
from tests.chaos.auditor import Auditor, Topics
from tests.chaos.hubs_auditor import HubsAuditor
from tests.chaos.kafka_auditor import KafkaAuditor
from tests.emulators.azurite import Azurite
from tests.emulators.event_hubs import EventHubsServer
from tests.stream.event_hubs.worlds import unique

MakeAuditor = Callable[..., KafkaAuditor]
MakeHubsAuditor = Callable[..., HubsAuditor]
Secrets = Mapping[str, str]
RightAnswers = Callable[[Sequence[StreamEvent]], dict[str, bytes]]


@pytest.fixture(scope="session")
def right_answers(fraud_store: Path) -> RightAnswers:
    """The prediction that each well-formed event must have, by its id."""
    pipeline = load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))

    def answer(sent: Sequence[StreamEvent]) -> dict[str, bytes]:
        outcomes = pipeline.score([Event(event.value) for event in sent])
        predictions = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
        return dict(zip((str(p.event_id) for p in predictions), encode(predictions), strict=True))

    return answer


@pytest.fixture
def make_auditor(right_answers: RightAnswers) -> Iterator[MakeAuditor]:
    """`make_auditor(broker, count)` makes topics, and an auditor that knows every event's right answer."""
    made: list[Auditor] = []

    def make(broker: Broker, count: int, *, malformed: int = 100) -> KafkaAuditor:
        names = [broker.create_topic(unique_topic(kind), 4) for kind in ("tx", "out", "dead")]
        sent = events(count, malformed=malformed)
        topics = Topics(*names, unique_topic("group"))
        auditor = KafkaAuditor(broker.bootstrap_servers, topics, sent, right_answers(sent))
        made.append(auditor)
        return auditor

    yield make
    for auditor in made:
        auditor.close()


@pytest.fixture
def make_hubs_auditor(
    event_hubs: EventHubsServer, azurite: Azurite, right_answers: RightAnswers
) -> Iterator[MakeHubsAuditor]:
    """`make_hubs_auditor(count)` makes event hubs and a container, and an auditor that knows every right answer."""
    made: list[Auditor] = []

    def make(count: int, *, malformed: int = 100) -> HubsAuditor:
        names = [event_hubs.create_hub(unique(kind), 4, groups=("scoring",)) for kind in ("tx", "out", "dead")]
        container = ContainerClient.from_connection_string(azurite.connection_string, azurite.create_container())
        sent = events(count, malformed=malformed)
        auditor = HubsAuditor(event_hubs, container, Topics(*names, "scoring"), sent, right_answers(sent))
        made.append(auditor)
        return auditor

    yield make
    for auditor in made:
        auditor.close()


@pytest.fixture
def hub_secrets(event_hubs: EventHubsServer, azurite: Azurite) -> Secrets:
    """What workers on event hubs find in their environment."""
    return {
        "WEIR__STREAM__SOURCE__CONNECTION_STRING": event_hubs.connection_string(),
        "WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING": azurite.connection_string,
    }
