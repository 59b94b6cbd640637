import asyncio
import time

import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import (
    AuthenticationError,
    ConnectError,
    EventDataSendError,
)

from tests.emulators.clients import consumer, producer, receiving


@pytest.fixture
def hub(event_hubs):
    return event_hubs.create_hub("transactions", 2)


def bodies(event_hubs, hub, partition=0):
    return [event.body for event in event_hubs.events(hub, partition)]


async def test_links_that_are_detached_are_opened_again_and_nothing_is_lost(event_hubs, hub):
    event_hubs.append_many(hub, 0, [b"0", b"1"])
    event_hubs.append_many(hub, 1, [b"0", b"1"])
    async with (
        producer(event_hubs, hub) as sender,
        consumer(event_hubs, hub) as client,
        receiving(client) as received,
    ):
        await sender.send_event(EventData("2"), partition_id="0")
        await received.until(5)
        event_hubs.detach(hub, 0)
        assert event_hubs.receivers(hub, 1) == 1
        await sender.send_event(EventData("3"), partition_id="0")
        await received.until(6)
        event_hubs.detach(condition=b"amqp:link:detach-forced")
        assert event_hubs.receivers(hub) == 0
        await sender.send_event(EventData("4"), partition_id="0")
        await sender.send_event(EventData("2"), partition_id="1")
        await received.until(8)
    for partition, count in (("0", 5), ("1", 3)):
        got = [body for body, where in zip(received.bodies, received.partitions, strict=True) if where == partition]
        assert sorted(got) == [str(number) for number in range(count)]


async def test_dropped_connections_are_made_again(event_hubs, hub):
    async with (
        producer(event_hubs, hub) as sender,
        consumer(event_hubs, hub) as client,
        receiving(client) as received,
    ):
        for number in range(3):
            await sender.send_event(EventData(str(number)), partition_id="0")
            await received.until(number + 1)
            event_hubs.drop_connections()
    assert received.bodies == ["0", "1", "2"]
    assert bodies(event_hubs, hub) == [b"0", b"1", b"2"]


async def test_in_silence_sends_wait_and_are_stored_when_the_server_speaks(event_hubs, hub):
    async with producer(event_hubs, hub) as client:
        await client.send_event(EventData("before"), partition_id="0")
        event_hubs.silence()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.send_event(EventData("meanwhile"), partition_id="0"), 0.3)
        assert bodies(event_hubs, hub) == [b"before"]
        event_hubs.speak()
        await client.send_event(EventData("after"), partition_id="0")
    assert bodies(event_hubs, hub) == [b"before", b"meanwhile", b"after"]


async def test_in_silence_nothing_is_delivered_and_connections_are_accepted(event_hubs, hub):
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0") as received:
        while not event_hubs.receivers(hub):
            await asyncio.sleep(0.01)
        event_hubs.silence()
        event_hubs.append(hub, 0, b"x")
        reader, writer = await asyncio.open_connection(*event_hubs.namespace.split(":"))
        writer.write(b"AMQP\x03\x01\x00\x00")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(8), 0.3)
        assert not received.events
        event_hubs.speak()
        await received.until(1)
        assert await asyncio.wait_for(reader.readexactly(8), 5) == b"AMQP\x03\x01\x00\x00"
        writer.close()


async def test_a_slow_server_waits_before_each_delivery_and_each_acknowledgement(event_hubs, hub):
    event_hubs.append_many(hub, 0, [b"x"] * 3)
    event_hubs.slow_down(0.2)
    async with producer(event_hubs, hub) as client:
        await client.get_partition_ids()
        start = time.monotonic()
        await client.send_event(EventData("x"), partition_id="1")
        assert time.monotonic() - start >= 0.2
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0") as received:
        await received.until(1)
        start = time.monotonic()
        await received.until(3)
        assert time.monotonic() - start >= 0.3
        event_hubs.slow_down(0)
        event_hubs.append_many(hub, 0, [b"x"] * 50)
        await received.until(53)


async def test_tokens_can_be_refused(event_hubs, hub):
    event_hubs.refuse_tokens()
    async with producer(event_hubs, hub, retry_total=0) as client:
        with pytest.raises(AuthenticationError, match="Status code: 401"):
            await client.send_event(EventData("x"))
        event_hubs.refuse_tokens(refuse=False)
        await client.send_event(EventData("x"))


async def test_a_busy_server_refuses_links_and_sends(event_hubs, hub):
    async with producer(event_hubs, hub) as client:
        event_hubs.busy(2)
        await client.send_event(EventData("0"), partition_id="0")  # the client tries the link again
        assert [link.condition for link in event_hubs.refused_links] == [b"com.microsoft:server-busy"] * 2
        event_hubs.busy(1)
        await client.send_event(EventData("1"), partition_id="0")  # and once the send
        event_hubs.busy(2)
        with pytest.raises(EventDataSendError, match=r"com\.microsoft:server-busy\n.*being throttled"):
            await client.send_event(EventData("2"), partition_id="0")
        await client.send_event(EventData("3"), partition_id="0")
    assert bodies(event_hubs, hub) == [b"0", b"1", b"3"]


async def test_a_server_that_is_down_comes_up_on_the_same_port_with_what_it_had(event_hubs, hub):
    event_hubs.append(hub, 0, b"0")
    async with (
        producer(event_hubs, hub, retry_total=0) as sender,
        consumer(event_hubs, hub) as client,
        receiving(client, partition_id="0") as received,
    ):
        await received.until(1)
        event_hubs.down()
        event_hubs.down()
        with pytest.raises(ConnectError, match="Failed to initiate the connection"):
            await sender.send_event(EventData("lost"), partition_id="0")
        event_hubs.up()
        event_hubs.up()
        await sender.send_event(EventData("1"), partition_id="0")
        await received.until(2)
    assert received.bodies == ["0", "1"]


async def test_a_lost_acknowledgement_makes_a_duplicate(event_hubs, hub):
    async with producer(event_hubs, hub) as client:
        await client.send_event(EventData("0"), partition_id="0")
        event_hubs.lose_acknowledgements(2)
        await client.send_event(EventData("1"), partition_id="0")
    assert bodies(event_hubs, hub) == [b"0", b"1", b"1", b"1"]


async def test_the_idle_time_out_of_a_client_is_honoured(event_hubs, hub):
    async with consumer(event_hubs, hub, idle_timeout=0.6) as client, receiving(client, partition_id="0") as received:
        while not event_hubs.receivers(hub):
            await asyncio.sleep(0.01)
        opened = len(event_hubs.put_tokens)
        await asyncio.sleep(1.2)
        event_hubs.append(hub, 0, b"x")
        await received.until(1)
        assert len(event_hubs.put_tokens) == opened  # it never had to connect again
