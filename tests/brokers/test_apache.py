import socket

import aiokafka
import pytest
from confluent_kafka import KafkaException

from tests.brokers import Broker, unique_topic
from tests.brokers.apache import ApacheKafka, ExternalKafka, free_ports
from tests.conftest import refuse


async def publish(broker, topic, values, **options):
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, **options)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def consume(broker, topic, group, count):
    """Read `count` values as a member of the group, and commit the position after the last."""
    consumer = aiokafka.AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap_servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=2000,
        heartbeat_interval_ms=200,
    )
    await consumer.start()
    try:
        records = [await consumer.getone() for _ in range(count)]
        last = records[-1]
        await consumer.commit({aiokafka.TopicPartition(topic, last.partition): last.offset + 1})
    finally:
        await consumer.stop()
    return [record.value for record in records]


async def test_a_group_goes_on_from_its_committed_offset(broker: Broker, make_topic):
    topic, group = make_topic(partitions=1), unique_topic("group")
    await publish(broker, topic, [b"1", b"2", b"3"])
    assert await consume(broker, topic, group, 2) == [b"1", b"2"]
    assert await consume(broker, topic, group, 1) == [b"3"]


async def test_partitions_are_as_many_as_asked_for(broker: Broker, make_topic):
    topic = make_topic(partitions=7)
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    await producer.start()
    assert await producer.partitions_for(topic) == set(range(7))
    await producer.stop()


def test_names_are_never_used_twice():
    assert len({unique_topic() for _ in range(100)}) == 100


async def test_a_killed_broker_comes_back_with_its_data(killable_kafka: ApacheKafka):
    topic, group = killable_kafka.create_topic(unique_topic(), 1), unique_topic("group")
    await publish(killable_kafka, topic, [b"1", b"2"])
    assert await consume(killable_kafka, topic, group, 1) == [b"1"]
    killable_kafka.kill(0)
    killable_kafka.restart(0)
    assert await consume(killable_kafka, topic, group, 1) == [b"2"]


async def test_a_paused_broker_answers_when_it_is_resumed(killable_kafka: ApacheKafka):
    topic = killable_kafka.create_topic(unique_topic(), 1)
    killable_kafka.pause(0)
    host, port = killable_kafka.bootstrap_servers.split(":")
    with socket.create_connection((host, int(port)), timeout=2):
        pass  # the kernel still accepts: such a broker is not down, it hangs
    killable_kafka.resume(0)
    await publish(killable_kafka, topic, [b"1"])
    assert await consume(killable_kafka, topic, unique_topic("group"), 1) == [b"1"]


async def test_the_mending_after_a_test_brings_every_broker_back(killable_kafka: ApacheKafka):
    topic = killable_kafka.create_topic(unique_topic(), 1)
    killable_kafka.pause(0)
    killable_kafka.heal()
    await publish(killable_kafka, topic, [b"1"])


async def test_three_brokers_lose_nothing_when_one_is_killed(killable_kafka_three: ApacheKafka):
    topic = killable_kafka_three.create_topic(unique_topic(), 3)
    group = unique_topic("group")
    await publish(killable_kafka_three, topic, [b"1"], acks="all")
    killable_kafka_three.kill(1)
    await publish(killable_kafka_three, topic, [b"2"], acks="all")
    assert await consume(killable_kafka_three, topic, group, 2) == [b"1", b"2"]


async def test_a_message_of_five_megabytes_passes(apache_kafka: ApacheKafka | ExternalKafka):
    topic = apache_kafka.create_topic(unique_topic(), 1)
    value = bytes(5_000_000)
    await publish(apache_kafka, topic, [value], max_request_size=6_000_000)
    assert await consume(apache_kafka, topic, unique_topic("group"), 1) == [value]


async def test_a_topic_takes_its_own_settings(apache_kafka: ApacheKafka | ExternalKafka):
    topic = apache_kafka.create_topic(unique_topic(), 1, max_message_bytes=1000)
    with pytest.raises(aiokafka.errors.MessageSizeTooLargeError):
        await publish(apache_kafka, topic, [bytes(2000)])


def test_a_topic_that_exists_is_refused(apache_kafka: ApacheKafka | ExternalKafka):
    topic = apache_kafka.create_topic(unique_topic(), 1)
    with pytest.raises(KafkaException, match="already exists"):
        apache_kafka.create_topic(topic, 1)


def test_a_setting_that_kafka_refuses_is_shown(own_kafka):
    with pytest.raises(RuntimeError) as caught, own_kafka(settings={"message.max.bytes": "many"}):
        pass
    assert "broker 0 could not format its folder" in str(caught.value)
    assert "Invalid value many for configuration message.max.bytes" in str(caught.value)


def test_a_port_that_is_taken_is_shown(own_kafka, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = [other.getsockname()[1], *free_ports(1)]
        monkeypatch.setattr("tests.brokers.apache.free_ports", lambda count: ports)
        with pytest.raises(RuntimeError) as caught, own_kafka():
            pass
    assert "broker 0 ended while it was starting" in str(caught.value)
    assert "Address already in use" in str(caught.value)


def test_where_kafka_cannot_run_tests_are_skipped_but_fail_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Java"):
        refuse("no Java")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Java"):
        refuse("no Java")
