"""The Kafka endpoint of Event Hubs: what it asks of clients, asked by Apache Kafka with real handshakes."""

import asyncio
import json
import logging
import time
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaProducer

from scoring import Event
from scoring.errors import SinkError, SourceError
from stream_worker import Outgoing, Worker
from stream_worker.kafka.settings import KafkaSinkSettings, KafkaSourceSettings
from stream_worker.kafka.sink import KafkaSink
from stream_worker.kafka.source import KafkaSource
from telemetry import Counters
from tests.brokers import unique_topic
from tests.stream.kafka import KafkaSinkWorld, KafkaSourceWorld, closed_port, committed, read_back
from tests.stream.makers import pipeline, settings, value
from tests.stream.secured import CONNECTION_STRING, SESSION_S, SETTINGS, Identity, app_service, ca_file, listeners
from tests.stream.sink_contract import SinkContract, message
from tests.stream.source_contract import Reader, SourceContract, bodies, numbers

GROUP_SESSION_S = 6  # the least that Event Hubs takes
TOO_LARGE = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def hub(own_kafka, folder):
    """A broker with an open door for the test, and two that are guarded for what is tested."""
    with own_kafka(listeners=listeners(folder), settings=SETTINGS) as kafka:
        yield kafka


@pytest.fixture
def by_key(hub, folder):
    """The keys of a configuration that signs in with a connection string."""
    return {
        "flavour": "event_hubs",
        "connection_string": CONNECTION_STRING,
        "bootstrap_servers": hub.servers_of("KEY"),
        "tls": {"ca_file": ca_file(folder)},
    }


@pytest.fixture
def by_identity(hub, by_key):
    """The keys of a configuration that signs in with the machine's identity."""
    return by_key | {"connection_string": None, "bootstrap_servers": hub.servers_of("TOKEN")}


@pytest.fixture
def identity(monkeypatch):
    """The machine's identity."""
    identities = [Identity()]

    def opened():
        identities[0].is_open = True
        return identities[0]

    monkeypatch.setattr("stream_worker.kafka.tokens.default_credential", opened)
    yield identities[0]
    assert not identities[0].is_open


@pytest.fixture
def kill(hub, monkeypatch):
    """End the broker; another goes on with its data after the test."""
    monkeypatch.setattr("stream_worker.kafka.client._STOP_S", 1.0)
    yield lambda: hub.kill(0)
    hub.heal()


class HubSourceWorld(KafkaSourceWorld):
    """What is sent and read back comes by the open door; the source comes by the guarded one."""

    def _changed(self, **changes):
        return KafkaSource(self.settings.model_copy(update=changes))

    def absent(self):
        return self._changed(bootstrap_servers=f"127.0.0.1:{closed_port()}")

    def missing(self):
        return self._changed(topic="nowhere")


class HubSinkWorld(KafkaSinkWorld):
    """The same for a sink."""

    def absent(self):
        return self.sink(bootstrap_servers=f"127.0.0.1:{closed_port()}")


class TestSource(SourceContract):
    @pytest.fixture
    def world(self, hub, by_key):
        return HubSourceWorld(hub, session_timeout_s=GROUP_SESSION_S, **by_key)

    @pytest.fixture
    def fragile_world(self, hub, by_key, kill):
        return HubSourceWorld(hub, kill, session_timeout_s=GROUP_SESSION_S, timeout_s=1, **by_key)

    async def test_an_event_of_five_megabytes_comes_whole(self, world):
        world.append(Event(bytes(TOO_LARGE)), Event(b"next"))  # as large as they can be there
        async with world.source() as source:
            assert bodies(await Reader(source).read(2)) == [bytes(TOO_LARGE), b"next"]


class TestSink(SinkContract):
    @pytest.fixture
    def world(self, hub, by_key):
        return HubSinkWorld(hub, **by_key)

    test_a_server_that_went_away_is_noticed_in_a_bound = None  # its bound knows nothing of the sign-in

    async def test_a_message_of_five_megabytes(self, world):
        async with world.sink() as sink:
            sent = [message(b"before"), message(bytes(5_000_000)), message(bytes(TOO_LARGE)), message(b"after")]
            assert await sink.publish(sent) == [1, 2]
            assert not await sink.publish([message(b"later")])
        assert [m.value for m in world.published()] == [b"before", b"after", b"later"]

    async def test_no_request_is_larger_than_the_service_takes(self, hub, world):
        topic = hub.create_topic(unique_topic(), 12)
        sent = [Outgoing(b"%03d" % n + bytes(150_000), None, [], n % 12) for n in range(60)]
        async with world.sink(topic) as sink:
            assert not await sink.publish(sent)
        published = world.published(topic)
        assert [m.value for m in published] == [m.value for m in sorted(sent, key=lambda m: m.partition)]

    async def test_gzip(self, hub, by_key):
        world = HubSinkWorld(hub, compression="gzip", **by_key)
        async with world.sink() as sink:
            await sink.publish([message(bytes(10_000))] * 20)
        assert [m.value for m in world.published()] == [bytes(10_000)] * 20


class TestTheWorker:
    """Several lifetimes of its tokens long."""

    async def test_it_goes_on_and_loses_nothing_when_its_connections_are_closed(self, hub, by_identity, identity):
        topics = {name: hub.create_topic(unique_topic(name), 2) for name in ("in", "out", "dead")}
        group = unique_topic("group")
        stream = settings(
            source={**by_identity, "kind": "kafka", "topic": topics["in"], "group": group},
            sink={"kind": "kafka", "topic": topics["out"]},
            dead_letters={"kind": "kafka", "topic": topics["dead"]},
        )
        stop, until = asyncio.Event(), time.monotonic() + 3.5 * SESSION_S
        sent: list[int] = []
        async with asyncio.timeout(60), AIOKafkaProducer(bootstrap_servers=hub.bootstrap_servers) as producer:
            working = asyncio.create_task(_worker(stream).run(stop))
            while time.monotonic() < until:
                await producer.send_and_wait(topics["in"], value(len(sent)), partition=len(sent) % 2)
                sent.append(len(sent))
                await asyncio.sleep(0.002)
                assert not working.done()
            while sum(committed(hub.bootstrap_servers, group, topics["in"], 2).values()) < len(sent):
                assert not working.done()
                await asyncio.sleep(0.1)
            stop.set()
            await working
        answered = [json.loads(m.value())["event_id"] for m in read_back(hub.bootstrap_servers, topics["out"])]
        assert answered == [f"e{n}" for n in sent[0::2] + sent[1::2]]
        assert len(identity.scopes) >= 3 * 4  # each of three clients signed in at least four times
        assert set(identity.scopes) == {"https://127.0.0.1/.default"}

    async def test_the_real_identity_of_an_app_service(self, hub, by_identity):
        with app_service(lasts_s=4) as service:
            world = HubSourceWorld(hub, session_timeout_s=GROUP_SESSION_S, **by_identity)
            async with world.source() as source:
                for number in range(3):
                    world.append(*numbers(number, number + 1))
                    assert bodies(await Reader(source).read(1)) == [b"%d" % number]
                    await asyncio.sleep(SESSION_S / 2)
        assert set(service.resources) == {"https://127.0.0.1"}

    async def test_an_identity_that_is_away_for_a_while_is_waited_for(self, hub, by_identity, identity):
        world = HubSourceWorld(hub, session_timeout_s=GROUP_SESSION_S, **by_identity)
        world.append(*numbers(0, 2))
        async with world.source() as source:
            assert bodies(await Reader(source).read(2)) == [b"0", b"1"]
            identity.problem = "it is away"
            await asyncio.sleep(SESSION_S)
            assert await source.fetch(max_events=10, max_wait=0.01) is None
            world.append(*numbers(2, 4))
            identity.problem = ""
            assert bodies(await Reader(source).read(2)) == [b"2", b"3"]
            await source.commit({(world.stream, 0): 4})
        assert committed(world.servers, world.settings.group, world.stream, 2) == {0: 4}

    async def test_an_identity_that_stays_away_ends_it_in_words(self, hub, by_identity, identity):
        world = HubSourceWorld(hub, session_timeout_s=GROUP_SESSION_S, timeout_s=2, **by_identity)
        world.append(*numbers(0, 2))
        async with world.source() as source:
            await Reader(source).read(2)
            identity.problem = "it is away"
            await asyncio.sleep(SESSION_S)
            with pytest.raises(SourceError) as caught:
                await source.commit({(world.stream, 0): 2})
        assert str(caught.value) == (
            "source: positions could not be committed: "
            "no answer in time; no token from this machine's identity: it is away"
        )


def _worker(stream):
    source, connection = KafkaSource(stream.source), stream.kafka_connection(stream.sink)
    sinks = {name: KafkaSink(getattr(stream, name), connection, name=name) for name in ("sink", "dead_letters")}
    return Worker(source=source, **sinks, pipeline=pipeline(), settings=stream, observer=Counters())


class TestWords:
    """Why it could not start, as the source and the sink say it."""

    @pytest.fixture
    def said(self, hub, caplog):
        topic = hub.create_topic(unique_topic(), 1)

        async def start(keys):
            fields = {"kind": "kafka", "topic": topic} | keys
            source = KafkaSource(KafkaSourceSettings.model_validate(fields | {"group": unique_topic("group")}))
            sink = KafkaSinkSettings.model_validate(fields)
            for client, error in ((source, SourceError), (KafkaSink(sink, sink, name="sink"), SinkError)):
                with pytest.raises(error) as caught:
                    async with asyncio.timeout(10), AsyncExitStack() as stack:
                        await stack.enter_async_context(client)
                key, _, words = str(caught.value).partition(f": Kafka at {keys['bootstrap_servers']} ")
                assert key == ("source" if client is source else "sink")
                yield words.replace(f"({key}.topic)", "(key)").replace(topic, "it")
                await asyncio.sleep(0.1)  # what was encrypted takes its leave
            assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

        async def both(keys):
            source, sink = [words async for words in start(keys)]
            assert source == sink
            return source

        return both

    async def test_a_key_that_is_wrong(self, said, by_key):
        wrong = CONNECTION_STRING.replace("c2VjcmV0", "d3Jvbmcg")
        words = await said(by_key | {"connection_string": wrong})
        assert words == "refuses the sign-in: Authentication failed: Invalid username or password"

    async def test_a_cluster_that_takes_no_tokens(self, said, by_key, identity):
        words = await said(by_key | {"connection_string": None})
        assert words == "refuses the sign-in: The broker does not support the requested SASL mechanism."
        identity.is_open = False  # nobody came to ask it

    async def test_a_token_that_has_expired(self, said, by_identity, identity):
        identity._lasts_s = -10
        words = await said(by_identity)
        assert words == "refuses the sign-in: look at the token's lifetime, and at both clocks"

    async def test_an_identity_without_rights(self, said, by_identity, identity):
        identity._subject = "stranger"
        assert await said(by_identity) == "does not let us see topic 'it' (key)"

    async def test_an_identity_that_is_none(self, said, by_identity, identity):
        identity.problem = "no credential\nwas found."
        assert await said(by_identity) == (
            "cannot be signed in to: no token from this machine's identity: no credential was found"
        )

    async def test_a_certificate_that_is_not_trusted(self, said, by_key):
        assert await said(by_key | {"tls": None}) == (
            "does not answer: its certificate is not trusted (tls.ca_file): self-signed certificate"
        )

    async def test_a_certificate_of_another_host(self, said, by_key):
        port = by_key["bootstrap_servers"].partition(":")[2]
        words = await said(by_key | {"bootstrap_servers": f"localhost:{port}"})
        assert words.startswith("does not answer: its certificate is not trusted (tls.ca_file): Hostname mismatch")

    async def test_a_server_without_encryption(self, hub, said, by_key):
        words = await said(by_key | {"bootstrap_servers": hub.bootstrap_servers})
        assert words == "does not answer: it closed the connection; does it ask for tls, or for a sign-in?"
