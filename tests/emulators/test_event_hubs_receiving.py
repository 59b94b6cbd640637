import asyncio
import datetime as dt
import re

import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import ConnectError

from tests.emulators.clients import consumer, producer, receiving

SOON = 0.3


async def test_every_form_of_starting_position(event_hubs):
    hub = event_hubs.create_hub("transactions", 9)
    for partition in range(9):
        for number in range(5):
            event_hubs.append(hub, partition, b"%d" % number)
            event_hubs.advance_clock(1)
    offsets, times = [], []
    for partition in range(9):
        offsets.append([event.offset for event in event_hubs.events(hub, partition)])
        times.append([event.enqueued_time for event in event_hubs.events(hub, partition)])
    moment = dt.datetime.fromtimestamp(times[6][1] / 1000 + 0.001, dt.UTC)
    positions = [
        ("-1", False, [0, 1, 2, 3, 4]),
        (offsets[1][2], False, [3, 4]),
        (offsets[2][2], True, [2, 3, 4]),
        (2, False, [3, 4]),
        (2, True, [2, 3, 4]),
        (-1, False, [0, 1, 2, 3, 4]),
        (moment, False, [2, 3, 4]),
        (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), False, [0, 1, 2, 3, 4]),
        ("@latest", False, []),
    ]
    async with consumer(event_hubs, hub) as client:
        starts = {str(partition): position for partition, (position, _, _) in enumerate(positions)}
        inclusive = {str(partition): flag for partition, (_, flag, _) in enumerate(positions)}
        options = {"starting_position": starts, "starting_position_inclusive": inclusive}
        async with receiving(client, **options) as received:
            await received.until(sum(len(numbers) for *_, numbers in positions))
            await asyncio.sleep(SOON)
    for partition, (*_, numbers) in enumerate(positions):
        got = [
            event.sequence_number
            for event, source in zip(received.events, received.partitions, strict=True)
            if source == str(partition)
        ]
        assert got == numbers, positions[partition]
    assert not received.errors


async def test_latest_receives_what_comes_later_and_the_newest_event_is_told(event_hubs):
    hub = event_hubs.create_hub("transactions", 1)
    event_hubs.append_many(hub, 0, [b"old"] * 3)
    async with consumer(event_hubs, hub) as client:
        options = {"partition_id": "0", "starting_position": "@latest", "track_last_enqueued_event_properties": True}
        async with receiving(client, **options) as received:
            while not event_hubs.receivers(hub):
                await asyncio.sleep(0.01)
            event_hubs.append(hub, 0, b"new", key="card-7", properties={"n": 1})
            await received.until(1)
    (event,) = received.events
    assert (event.sequence_number, event.body_as_str(), event.partition_key) == (3, "new", b"card-7")
    assert event.properties == {b"n": 1}
    stored = event_hubs.events(hub, 0)[-1]
    newest = received.newest
    assert (newest["sequence_number"], newest["offset"]) == (3, stored.offset)
    assert newest["enqueued_time"].timestamp() * 1000 == pytest.approx(stored.enqueued_time)
    assert event.enqueued_time == newest["enqueued_time"]


async def test_events_that_take_many_frames_come_whole_among_small_ones(event_hubs):
    hub = event_hubs.create_hub("transactions", 1)
    bodies = [b"a", bytes(range(256)) * 3600, b"b", b"c" * 70_000, b"d" * 65_400, b"e"]
    async with producer(event_hubs, hub) as client:
        for body in bodies:
            await client.send_event(EventData(body))
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0") as received:
        await received.until(len(bodies))
    assert [b"".join(event.body) for event in received.events] == bodies
    assert [event.body for event in event_hubs.events(hub, 0)] == bodies


async def test_more_events_than_the_credit_come_in_order(event_hubs):
    hub = event_hubs.create_hub("transactions", 1)
    event_hubs.append_many(hub, 0, [b"%d" % number for number in range(2000)])
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0", prefetch=50) as received:
        await received.until(2000)
    assert received.numbers == list(range(2000))


async def test_an_event_whose_value_is_null_is_delivered(event_hubs):
    hub = event_hubs.create_hub("transactions", 1)
    event_hubs.append(hub, 0, None)
    event_hubs.append(hub, 0, b"after")
    (null, _) = event_hubs.events(hub, 0)
    assert (null.body, null.body_kind) == (None, "value")
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0") as received:
        await received.until(2)
    assert received.events[0].raw_amqp_message.body is None or received.events[0].body_type.value == "value"
    assert received.events[1].body_as_str() == "after"


async def test_the_properties_of_hubs_and_partitions(event_hubs):
    hub = event_hubs.create_hub("transactions", 2)
    event_hubs.append_many(hub, 1, [b"x", b"y"])
    last = event_hubs.events(hub, 1)[-1]
    async with producer(event_hubs, hub, retry_total=0) as client:
        about, empty, full = await asyncio.gather(
            client.get_eventhub_properties(),
            client.get_partition_properties("0"),
            client.get_partition_properties("1"),
        )
        with pytest.raises(ConnectError, match="Status code: 400"):
            await client.get_partition_properties("2")
    assert (about["eventhub_name"], about["partition_ids"]) == (hub, ["0", "1"])
    assert abs((about["created_at"] - dt.datetime.now(dt.UTC)).total_seconds()) < 60
    assert (empty["is_empty"], full["is_empty"]) == (True, False)
    assert (empty["last_enqueued_sequence_number"], empty["last_enqueued_offset"]) == (-1, "-1")
    assert (full["beginning_sequence_number"], full["last_enqueued_sequence_number"]) == (0, 1)
    assert (full["id"], full["last_enqueued_offset"]) == ("1", last.offset)
    assert full["last_enqueued_time_utc"].timestamp() * 1000 == pytest.approx(last.enqueued_time)


async def test_a_hub_that_does_not_exist_is_refused(event_hubs):
    entity = rf"The messaging entity 'sb://{event_hubs.namespace}/missing' could not be found"
    async with producer(event_hubs, "missing", retry_total=0) as client:
        with pytest.raises(ConnectError, match=rf"Status code: 404\n.*{entity}"):
            await client.create_batch()
        with pytest.raises(ConnectError, match="404"):
            await client.get_partition_ids()
    async with consumer(event_hubs, "missing", retry_total=0) as client, receiving(client) as received:
        await received.until(errors=1)
    assert re.search(entity, str(received.errors[0]))


async def test_a_group_that_does_not_exist_is_refused(event_hubs):
    hub = event_hubs.create_hub("transactions", 2, groups=("$Default", "scoring"))
    async with consumer(event_hubs, hub, "nobody", retry_total=0) as client, receiving(client, partition_id="0"):
        while not event_hubs.refused_links:
            await asyncio.sleep(0.01)
    refused = event_hubs.refused_links[0]
    assert (refused.path, refused.condition) == ("transactions/ConsumerGroups/nobody/Partitions/0", b"amqp:not-found")
    entity = f"'sb://{event_hubs.namespace}/transactions/consumergroups/nobody'"
    assert refused.description.startswith(f"The messaging entity {entity} could not be found. TrackingId:")


async def test_names_have_no_case(event_hubs):
    hub = event_hubs.create_hub("transactions", 1, groups=("Scoring",))
    event_hubs.append(hub, 0, b"x")
    async with consumer(event_hubs, hub.upper(), "sCORING") as client, receiving(client, partition_id="0") as received:
        await received.until(1)


async def test_a_start_that_the_partition_never_reached_is_refused(event_hubs):
    hub = event_hubs.create_hub("transactions", 2)
    event_hubs.append_many(hub, 0, [b"x"] * 3)
    starts = {"0": 3, "1": "5000"}
    async with consumer(event_hubs, hub, retry_total=0) as client, receiving(client, starting_position=starts):
        while len({refused.path for refused in event_hubs.refused_links}) < 2:
            await asyncio.sleep(0.01)
    refused = {
        link.path[-1]: (link.condition, link.description.partition(" TrackingId")[0])
        for link in event_hubs.refused_links
    }
    text = "The supplied {0} '{1}' is invalid. The last {0} in the system is '{2}'"
    assert refused["0"] == (b"com.microsoft:argument-error", text.format("sequence number", 3, 2))
    assert refused["1"] == (b"com.microsoft:argument-error", text.format("offset", 5000, -1))
