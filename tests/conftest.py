"""The brokers, and the model, that tests are given.

broker              one that a test runs against twice: librdkafka's mock, and Apache Kafka
make_topic          makes a topic of its own for the test, on `broker`
embedded_broker     the demonstration's broker, as users get it: a group's first member waits 3 s
faulty_broker       a mock of the test's own, that fails on request
apache_kafka        Apache Kafka, one broker for the whole run: leave it running
apache_kafka_three  the same with three brokers, each keeping every topic
killable_kafka, killable_kafka_three
                    the same two, for a test that kills, pauses or restarts brokers: mended after the test
fraud_store         the folder of a store that holds the released fraud model
own_kafka           the class ApacheKafka, for a test that starts a cluster of its own
event_hubs          an Event Hubs server of the test's own, that speaks AMQP and fails on request
ingestion           a local end for telemetry: Application Insights' ingestion, and a collector of OTLP
azurite             Azurite, blob storage, for the whole run: make containers, and leave it running
impatient_sdk       shortens the waits of the Event Hubs clients in this process, and closes the sockets they forget
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from models import LocalStore
from tests.brokers import Broker, unique_topic
from tests.brokers.apache import ApacheKafka, ExternalKafka, missing_tools
from tests.brokers.faults import FaultyBroker
from tests.emulators.azurite import Azurite
from tests.emulators.azurite import missing_tools as missing_node
from tests.emulators.event_hubs import EventHubsServer
from tests.emulators.impatience import hurried_sdk
from tests.emulators.ingestion import Ingestion, ingestion_server
from weir.demo.broker import EmbeddedBroker

_APACHE_FIXTURES = {"apache_kafka", "apache_kafka_three", "own_kafka"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for Apache Kafka by a fixture's name; `broker` marks its own."""
    for item in items:
        if _APACHE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def own_kafka() -> type[ApacheKafka]:
    """The class that starts a cluster, where it can; the test is skipped, or fails in CI, where it cannot."""
    missing = missing_tools()
    if missing:
        refuse(f"{missing}; or set KAFKA_BOOTSTRAP_SERVERS to a running cluster")
    return ApacheKafka


@pytest.fixture(scope="session")
def apache_kafka(request: pytest.FixtureRequest) -> Iterator[ApacheKafka | ExternalKafka]:
    """One Apache Kafka broker, or the cluster at KAFKA_BOOTSTRAP_SERVERS, for the whole run."""
    address = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if address:
        yield ExternalKafka(address)
        return
    with request.getfixturevalue("own_kafka")(brokers=1) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def apache_kafka_three(own_kafka: type[ApacheKafka]) -> Iterator[ApacheKafka]:
    """Three Apache Kafka brokers of our own, started when the first test asks for them."""
    with own_kafka(brokers=3) as kafka:
        yield kafka


@pytest.fixture
def killable_kafka(apache_kafka: ApacheKafka | ExternalKafka) -> Iterator[ApacheKafka]:
    """The one broker, for a test that kills or pauses it; it runs again when the test is over."""
    if isinstance(apache_kafka, ExternalKafka):
        pytest.skip("only a broker of our own may be killed: unset KAFKA_BOOTSTRAP_SERVERS")
    yield apache_kafka
    apache_kafka.heal()


@pytest.fixture
def killable_kafka_three(apache_kafka_three: ApacheKafka) -> Iterator[ApacheKafka]:
    """The three brokers, for a test that kills or pauses some; all run again when the test is over."""
    yield apache_kafka_three
    apache_kafka_three.heal()


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """The broker of the demonstration, for the whole run."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def faulty_broker() -> Iterator[FaultyBroker]:
    """A mock broker of the test's own: nobody else meets its faults."""
    with FaultyBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def _quick_mock() -> Iterator[FaultyBroker]:
    with FaultyBroker() as broker:
        yield broker


@pytest.fixture
def event_hubs() -> Iterator[EventHubsServer]:
    """Event Hubs without any hub yet, for this test alone."""
    with EventHubsServer() as hubs:
        yield hubs


@pytest.fixture
async def impatient_sdk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let the asynchronous clients of Event Hubs poll more often, and close the sockets that they forget."""
    async with hurried_sdk(monkeypatch):
        yield


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Blob storage for the whole run."""
    missing = missing_node()
    if missing:
        refuse(missing)
    with Azurite() as storage:
        yield storage


@pytest.fixture(scope="session")
def fraud_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store that holds `fraud@champion`: read it, or copy it."""
    from examples.fraud.release import release  # scikit-learn takes a while, and most tests do without

    folder = tmp_path_factory.mktemp("released") / "store"
    release(LocalStore(folder))
    return folder


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Run the test against the mock cluster and again against Apache Kafka.

    The mock is the one of `embedded_broker` without its wait of 3 seconds, and with topics of any number of partitions.
    """
    return request.getfixturevalue("_quick_mock" if request.param == "embedded" else "apache_kafka")


@pytest.fixture
def make_topic(broker: Broker) -> Callable[..., str]:
    """Make topics that no other test uses: `make_topic(partitions=1)` returns the name."""

    def make(partitions: int = 4) -> str:
        return broker.create_topic(unique_topic(), partitions)

    return make


def refuse(reason: str) -> None:
    """Skip the test; in CI fail it, where a test that was not run must not look like one that passed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    """A local end for telemetry, of the test's own."""
    with ingestion_server() as server:
        yield server
