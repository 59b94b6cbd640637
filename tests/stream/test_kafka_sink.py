"""Kafka as a sink: the contract on the mock and on Apache Kafka, and what only Kafka does."""

import asyncio
import gc

import pytest

from scoring.errors import SinkError
from tests.brokers.faults import DISCONNECT
from tests.stream.kafka import KafkaSinkWorld
from tests.stream.sink_contract import SinkContract, message

PRODUCE, INIT_PRODUCER_ID = 0, 22  # kinds of request
NOT_LEADER, MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, TOPIC_AUTHORIZATION = 6, 10, 19, 29
CLUSTER_AUTHORIZATION = 31


class TestKafkaSink(SinkContract):
    @pytest.fixture
    def world(self, broker):
        return KafkaSinkWorld(broker)

    @pytest.fixture
    def strict_world(self, apache_kafka):
        return KafkaSinkWorld(apache_kafka)

    @pytest.fixture
    def fragile_world(self, faulty_broker, monkeypatch):
        monkeypatch.setattr("stream_worker.kafka.client._STOP_S", 1.0)
        return KafkaSinkWorld(faulty_broker, faulty_broker.set_down, timeout_s=1)


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_can_be_read_by_another_client(faulty_broker, compression):
    world = KafkaSinkWorld(faulty_broker, compression=compression)
    sent = [message(b"%d" % number) for number in range(100)]
    async with world.sink() as sink:
        await sink.publish(sent)
    assert [m.value for m in world.published()] == [m.value for m in sent]


async def test_a_refusal_of_the_size_names_the_keys_to_change(faulty_broker):
    world = KafkaSinkWorld(faulty_broker)
    async with world.sink() as sink:
        faulty_broker.push_errors(PRODUCE, [MESSAGE_TOO_LARGE])
        with pytest.raises(SinkError, match=r"raise its max.message.bytes or lower sink.batch_bytes \(900000\)"):
            await sink.publish([message(b"one"), message(b"two")])


async def test_errors_that_pass_neither_lose_nor_repeat_nor_reorder(faulty_broker):
    world = KafkaSinkWorld(faulty_broker, batch_bytes=1024)
    sent = [message(b"%d" % number + bytes(200)) for number in range(100)]
    async with world.sink() as sink:
        faulty_broker.push_errors(PRODUCE, [NOT_LEADER, NOT_ENOUGH_REPLICAS, DISCONNECT] * 3)
        await sink.publish(sent)
    assert [m.value for m in world.published()] == [m.value for m in sent]


async def test_a_topic_that_may_not_be_written_is_told_in_words(faulty_broker):
    world = KafkaSinkWorld(faulty_broker)
    async with world.sink() as sink:
        faulty_broker.push_errors(PRODUCE, [TOPIC_AUTHORIZATION])
        with pytest.raises(SinkError, match=rf"^sink: topic '{world.topic}' did not acknowledge: .*Authori[sz]ation"):
            await sink.publish([message(b"x")])


async def test_what_fails_beside_the_first_failure_is_not_complained_about(faulty_broker, caplog):
    world = KafkaSinkWorld(faulty_broker)
    async with world.sink() as sink:
        faulty_broker.push_errors(PRODUCE, [TOPIC_AUTHORIZATION] * 2)
        with pytest.raises(SinkError):
            await sink.publish([message(b"x", 0), message(b"y", 1)])
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_it_writes_as_an_idempotent_producer(faulty_broker):
    faulty_broker.push_errors(INIT_PRODUCER_ID, [CLUSTER_AUTHORIZATION])
    with pytest.raises(SinkError, match=r"^sink: .*ClusterAuthorizationFailed"):
        async with KafkaSinkWorld(faulty_broker).sink() as sink:
            await sink.publish([message(b"x")])


async def test_connecting_to_a_silent_server_ends_in_a_bound(faulty_broker, silent_server, monkeypatch):
    monkeypatch.setattr("stream_worker.kafka.sink._START_S", 0.5)
    with pytest.raises(SinkError, match=rf"^sink: Kafka at {silent_server} does not answer: no answer in time"):
        async with KafkaSinkWorld(faulty_broker).sink(servers=silent_server):
            pass


async def test_an_interrupted_start_leaves_nothing_open(faulty_broker, silent_server):
    opening = asyncio.create_task(KafkaSinkWorld(faulty_broker).sink(servers=silent_server).__aenter__())
    await asyncio.sleep(0.1)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    gc.collect()  # an unclosed client complains when it is collected, and warnings are errors
