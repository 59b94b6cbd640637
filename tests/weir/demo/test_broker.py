import asyncio
import socket

import aiokafka
import pytest

from scoring.errors import StreamError
from weir.demo.broker import EmbeddedBroker


async def test_a_group_goes_on_from_its_committed_offset(embedded_broker: EmbeddedBroker):
    address = embedded_broker.bootstrap_servers
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    for value in (b"1", b"2", b"3"):
        await producer.send_and_wait("resumed", value, partition=0)
    assert len(await producer.partitions_for("resumed")) == 4
    await producer.stop()
    assert await consume(address, 2) == [b"1", b"2"]
    assert await consume(address, 1) == [b"3"]


async def consume(address, count):
    consumer = aiokafka.AIOKafkaConsumer(
        "resumed",
        bootstrap_servers=address,
        group_id="readers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=4000,
        heartbeat_interval_ms=500,
    )
    await consumer.start()
    values = [(await asyncio.wait_for(consumer.getone(), 10)).value for _ in range(count)]
    await consumer.commit()
    await consumer.stop()
    return values


async def test_a_partition_keeps_its_newest_five_mebibytes():
    """The documented reason for pacing producers; a change here is news."""
    with EmbeddedBroker() as broker:
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        await producer.start()
        for _ in range(12):
            await producer.send_and_wait("events", bytes(1_000_000), partition=0)
        await producer.stop()
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
        await consumer.start()
        partition = aiokafka.TopicPartition("events", 0)
        assert await consumer.end_offsets([partition]) == {partition: 12}
        assert await consumer.beginning_offsets([partition]) == {partition: 7}
        await consumer.stop()


def test_it_listens_on_loopback_until_the_block_ends():
    with EmbeddedBroker() as broker:
        host, port = broker.bootstrap_servers.split(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port)), timeout=2).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=2)


def test_outside_the_block_it_has_no_address():
    with pytest.raises(StreamError, match="the embedded broker is not running: use it in a with statement"):
        _ = EmbeddedBroker().bootstrap_servers


def test_an_address_that_does_not_come_is_an_error():
    with pytest.raises(StreamError, match="the embedded broker gave no address within 1e-06 s"):
        EmbeddedBroker(timeout=1e-6).__enter__()


def test_two_brokers_do_not_meet():
    with EmbeddedBroker() as one, EmbeddedBroker() as other:
        assert one.bootstrap_servers != other.bootstrap_servers
