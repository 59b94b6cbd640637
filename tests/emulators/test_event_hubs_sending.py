import asyncio

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageHeader, AmqpMessageProperties
from azure.eventhub.exceptions import EventDataSendError

from tests.emulators.clients import QUICK, consumer, producer, receiving


@pytest.fixture
def hub(event_hubs):
    return event_hubs.create_hub("transactions")


async def test_an_event_is_stored_as_it_was_sent(event_hubs, hub):
    event = EventData(b"\x00\xff")
    event.properties = {"text": "x", "bytes": b"y", "number": 7, "half": 0.5, "yes": True}
    async with producer(event_hubs, hub) as client:
        await client.send_event(event)
        await client.send_event(EventData("zwei"))
        await client.send_event(EventData("drei"), partition_id="0")
    first, third = event_hubs.events(hub, 0)
    (second,) = event_hubs.events(hub, 1)
    assert first.body == b"\x00\xff"
    assert first.properties == {"text": "x", "bytes": b"y", "number": 7, "half": 0.5, "yes": True}
    assert (first.body_kind, first.partition_key) == ("data", None)
    assert (first.sequence_number, second.sequence_number, third.sequence_number) == (0, 0, 1)
    assert int(third.offset) > int(first.offset) >= 1024
    assert third.enqueued_time >= second.enqueued_time >= first.enqueued_time
    assert second.body == b"zwei"


async def test_batches_go_to_their_partition_to_that_of_their_key_or_to_the_next_in_turn(event_hubs, hub):
    async with producer(event_hubs, hub) as client:
        for target in ({"partition_id": "3"}, {"partition_key": "card-7"}, {}, {}, {}):
            batch = await client.create_batch(**target)
            for number in range(3):
                batch.add(EventData(f"{target} {number}"))
            await client.send_batch(batch)
        await client.send_batch([EventData("listed"), EventData("too")], partition_key="card-7")
    stored = [event_hubs.events(hub, partition) for partition in range(4)]
    assert [event.body for event in stored[3]] == [b"{'partition_id': '3'} %d" % number for number in range(3)]
    keyed = [event for events in stored for event in events if event.partition_key == "card-7"]
    assert len(keyed) == 5
    assert len({partition for partition in range(4) if any(event in keyed for event in stored[partition])}) == 1
    spread = [sum(event.body.startswith(b"{} ") for event in events) for events in stored]
    assert spread == [3, 3, 3, 0]
    assert event_hubs.count(hub) == 17


async def test_a_key_goes_to_the_partition_that_the_buffered_producer_of_the_sdk_computes(event_hubs, hub):
    keys = [f"card-{number}" for number in range(20)]
    computed = {}

    async def on_success(events, partition):
        computed.update((event.body_as_str(), partition) for event in events)

    async def on_error(*arguments):
        raise AssertionError(arguments)

    options = {"buffered_mode": True, "on_success": on_success, "on_error": on_error, "max_wait_time": 0.2}
    async with producer(event_hubs, hub, **options) as client:
        for key in keys:
            await client.send_event(EventData(key), partition_key=key)
        await client.flush()
    async with producer(event_hubs, hub) as client:
        for key in keys:
            await client.send_event(EventData(f"again {key}"), partition_key=key)
    for key in keys:
        again = f"again {key}".encode()
        assert event_hubs.partition_of(hub, key) == computed[key]
        assert again in [event.body for event in event_hubs.events(hub, computed[key])]


async def test_what_is_too_large_is_refused_and_the_next_event_is_taken(event_hubs):
    hub = event_hubs.create_hub("narrow", 1, max_message_bytes=10_000)
    async with producer(event_hubs, hub) as client:
        batch = await client.create_batch()
        assert batch.max_size_in_bytes == 10_000
        with pytest.raises(ValueError, match="reached its size limit"):
            batch.add(EventData(b"x" * 10_000))
        with pytest.raises(EventDataSendError):
            await client.send_event(EventData(b"x" * 10_000))
        batch.add(EventData(b"x" * 9_900))
        await client.send_batch(batch)
    assert [len(event.body) for event in event_hubs.events(hub, 0)] == [9_900]


BODIES = [
    ({"data_body": [b"a", b"b"]}, "data", b"ab", [b"a", b"b"]),
    ({"data_body": b""}, "data", b"", [b""]),
    ({"value_body": "text"}, "value", "text", b"text"),
    ({"value_body": b"bytes"}, "value", b"bytes", b"bytes"),
    ({"value_body": {"amount": 12.5}}, "value", {b"amount": 12.5}, {b"amount": 12.5}),
    ({"value_body": 0}, "value", None, None),  # the SDK sends no body where the value is false
    ({"sequence_body": [[1, "a"], [b"b"]]}, "sequence", [[1, b"a"], [b"b"]], [[1, b"a"], [b"b"]]),
]


async def test_every_kind_of_body_is_kept_and_delivered(event_hubs):
    hub = event_hubs.create_hub("bodies", 1)
    async with producer(event_hubs, hub) as client:
        batch = await client.create_batch()
        for body, *_ in BODIES:
            batch.add(AmqpAnnotatedMessage(**body))
        await client.send_batch(batch)
    for stored, (_, kind, expected, _) in zip(event_hubs.events(hub, 0), BODIES, strict=True):
        assert (stored.body_kind, stored.body) == (kind, expected)
    async with consumer(event_hubs, hub) as client, receiving(client) as received:
        await received.until(len(BODIES))
    for event, (_, kind, _, expected) in zip(received.events, BODIES, strict=True):
        body = event.raw_amqp_message.body
        if expected is not None:
            assert event.body_type.value == kind
            assert (body if kind == "value" else list(body)) == expected


async def test_properties_annotations_and_header_of_a_message_survive(event_hubs):
    hub = event_hubs.create_hub("rich", 1)
    message = AmqpAnnotatedMessage(
        data_body=b"x",
        annotations={"x-opt-own": "kept", "x-opt-offset": "forged", "x-opt-sequence-number": 999},
        properties=AmqpMessageProperties(message_id="m-1", content_type="application/json"),
        application_properties={"a": 1},
        footer={"f": "end"},
        header=AmqpMessageHeader(durable=True, priority=3),
    )
    async with producer(event_hubs, hub) as client:
        await client.send_event(message, partition_key="card-7")
    async with consumer(event_hubs, hub) as client, receiving(client) as received:
        await received.until(1)
    (event,) = received.events
    assert (event.sequence_number, event.offset, event.partition_key) == (0, "1024", b"card-7")
    assert event.raw_amqp_message.annotations[b"x-opt-own"] == b"kept"
    assert (event.message_id, event.content_type, event.properties) == ("m-1", "application/json", {b"a": 1})
    assert event.raw_amqp_message.footer == {b"f": b"end"}
    header = event.raw_amqp_message.header
    assert (header.durable, header.priority) == (True, 3)


async def test_the_clients_without_asyncio_send_and_receive(event_hubs, hub):
    bodies = []
    connection_string = event_hubs.connection_string(hub)

    def send_and_receive():
        with EventHubProducerClient.from_connection_string(connection_string, **QUICK) as client:
            assert client.get_partition_ids() == ["0", "1", "2", "3"]
            batch = client.create_batch(partition_id="2")
            batch.add(EventData("one"))
            batch.add(EventData("two"))
            client.send_batch(batch)
        with EventHubConsumerClient.from_connection_string(connection_string, "$Default", **QUICK) as client:

            def on_event(_, event):
                bodies.append(event.body_as_str())
                if len(bodies) == 2:
                    client.close()

            client.receive(on_event, partition_id="2", starting_position="-1")

    await asyncio.wait_for(asyncio.to_thread(send_and_receive), 30)
    assert bodies == ["one", "two"]
