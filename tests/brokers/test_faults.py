import asyncio
import time

import aiokafka
import pytest

from tests.brokers.faults import DISCONNECT, FaultyBroker

PRODUCE = 0
MESSAGE_TOO_LARGE = 10
NOT_LEADER = 6


@pytest.fixture
async def producer(faulty_broker: FaultyBroker):
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=faulty_broker.bootstrap_servers, retry_backoff_ms=20)
    await producer.start()
    await producer.send_and_wait("events", b"before", partition=0)
    yield producer
    await producer.stop()


async def test_a_pushed_error_is_answered_once(faulty_broker: FaultyBroker, producer):
    faulty_broker.push_errors(PRODUCE, [MESSAGE_TOO_LARGE])
    with pytest.raises(aiokafka.errors.MessageSizeTooLargeError):
        await producer.send_and_wait("events", b"refused", partition=0)
    assert (await producer.send_and_wait("events", b"taken", partition=0)).offset == 1


async def test_errors_that_pass_are_tried_again_by_the_client(faulty_broker: FaultyBroker, producer):
    faulty_broker.push_errors(PRODUCE, [NOT_LEADER, DISCONNECT])
    assert (await producer.send_and_wait("events", b"taken", partition=0)).offset == 1


async def test_errors_can_be_cleared(faulty_broker: FaultyBroker, producer):
    faulty_broker.push_errors(PRODUCE, [MESSAGE_TOO_LARGE])
    faulty_broker.clear_errors(PRODUCE)
    await producer.send_and_wait("events", b"taken", partition=0)


async def test_every_answer_takes_the_round_trip_time(faulty_broker: FaultyBroker, producer):
    faulty_broker.set_rtt(300)
    start = time.monotonic()
    await producer.send_and_wait("events", b"late", partition=0)
    assert time.monotonic() - start >= 0.3
    faulty_broker.set_rtt(0)


async def test_a_broker_that_is_down_takes_the_message_when_it_is_up(faulty_broker: FaultyBroker, producer):
    faulty_broker.set_down()
    sent = await producer.send("events", b"waiting", partition=0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(sent), 0.5)
    faulty_broker.set_up()
    assert (await asyncio.wait_for(sent, 10)).offset == 1


def test_a_broker_that_is_stopped_says_so(faulty_broker: FaultyBroker):
    faulty_broker.stop()
    with pytest.raises(RuntimeError, match="the faulty broker is stopped"):
        faulty_broker.set_up()


def test_an_impossible_topic_is_refused(faulty_broker: FaultyBroker):
    faulty_broker.create_topic("once")
    with pytest.raises(RuntimeError, match="refused topic_create"):
        faulty_broker.create_topic("once")
