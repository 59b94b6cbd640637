import asyncio
import collections
import contextlib

from azure.eventhub.exceptions import ConnectionLostError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from tests.emulators.clients import Received, consumer, receiving


async def attached(event_hubs, hub, count=1):
    while event_hubs.receivers(hub) < count:
        await asyncio.sleep(0.005)


async def refused(event_hubs):
    while not event_hubs.refused_links:
        await asyncio.sleep(0.005)
    return event_hubs.refused_links[0]


async def test_a_receiver_with_the_same_epoch_or_a_higher_one_takes_the_partition(event_hubs):
    hub = event_hubs.create_hub("transactions", 1)
    async with contextlib.AsyncExitStack() as held:
        readers = []
        for epoch in (1, 1, 2):
            client = await held.enter_async_context(consumer(event_hubs, hub, load_balancing_interval=60))
            received = await held.enter_async_context(receiving(client, partition_id="0", owner_level=epoch))
            event_hubs.append(hub, 0, b"x")
            await received.until(len(readers) + 1)
            if readers:
                await readers[-1].until(errors=1)
            readers.append(received)
        assert event_hubs.receivers(hub) == 1
    first, second, third = readers
    assert isinstance(first.errors[0], ConnectionLostError)
    start = "New receiver 'nil' with higher epoch of '{}' is created hence current receiver 'nil' with epoch '1'"
    assert start.format(1) in str(first.errors[0])
    assert start.format(2) in str(second.errors[0])
    assert not third.errors


async def test_a_receiver_with_a_lower_epoch_or_none_is_refused(event_hubs):
    hub = event_hubs.create_hub("transactions", 1, groups=("$Default", "other"))
    async with consumer(event_hubs, hub) as holder, receiving(holder, partition_id="0", owner_level=5) as kept:
        await attached(event_hubs, hub)
        async with consumer(event_hubs, hub) as lower, receiving(lower, partition_id="0", owner_level=4) as received:
            await received.until(errors=1)
        assert "Receiver 'nil' with a higher epoch '5' already exists. Receiver 'nil' with epoch 4" in str(
            received.errors[0]
        )
        async with consumer(event_hubs, hub) as without, receiving(without, partition_id="0") as received:
            await received.until(errors=1)
        assert "created with epoch of '5', and so non-epoch receiver is not allowed" in str(received.errors[0])
        assert {link.condition for link in event_hubs.refused_links} == {b"amqp:link:stolen"}
        async with consumer(event_hubs, hub, "other") as beside, receiving(beside, partition_id="0") as other:
            event_hubs.append(hub, 0, b"x")
            await asyncio.gather(kept.until(1), other.until(1))
    assert not kept.errors


async def test_receivers_without_an_epoch_share_a_partition_until_one_with_an_epoch_comes(event_hubs):
    hub = event_hubs.create_hub("transactions", 1)
    async with contextlib.AsyncExitStack() as held:
        together = []
        for number in range(5):
            client = await held.enter_async_context(consumer(event_hubs, hub, load_balancing_interval=60))
            together.append(await held.enter_async_context(receiving(client, partition_id="0")))
            await attached(event_hubs, hub, number + 1)
        event_hubs.append(hub, 0, b"x")
        await asyncio.gather(*(received.until(1) for received in together))
        async with consumer(event_hubs, hub) as sixth, receiving(sixth, partition_id="0"):
            link = await refused(event_hubs)
        assert link.condition == b"amqp:resource-limit-exceeded"
        assert "per partition in a consumer group which is 5" in link.description
        async with consumer(event_hubs, hub) as owner, receiving(owner, partition_id="0", owner_level=0) as received:
            await received.until(1)
            await asyncio.gather(*(each.until(errors=1) for each in together))
            assert event_hubs.receivers(hub) == 1


class Checkpointing(Received):
    """Keeps each event, and then a checkpoint."""

    def __init__(self):
        super().__init__()
        self.checkpointed = set()

    async def on_event(self, context, event):
        await super().on_event(context, event)
        await context.update_checkpoint(event)
        self.checkpointed.add((context.partition_id, event.sequence_number))


async def checkpointing(held, event_hubs, azurite, hub, container):
    store = BlobCheckpointStore.from_connection_string(azurite.connection_string, container)
    options = {"checkpoint_store": store, "partition_ownership_expiration_interval": 5}
    await held.enter_async_context(store)
    client = await held.enter_async_context(consumer(event_hubs, hub, **options))
    return await held.enter_async_context(receiving(client, received=Checkpointing()))


def have_two_partitions_each(*readers):
    latest = [set(received.partitions[-4:]) for received in readers]
    return [len(partitions) for partitions in latest] == [2, 2] and not latest[0] & latest[1]


async def test_two_clients_share_the_partitions_and_go_on_from_the_checkpoints(event_hubs, azurite):
    hub, container = event_hubs.create_hub("transactions", 4), azurite.create_container()
    place = event_hubs, azurite, hub, container
    for partition in range(4):
        event_hubs.append_many(hub, partition, [b"first"] * 10)
    async with contextlib.AsyncExitStack() as held, asyncio.timeout(60):
        first = await checkpointing(held, *place)
        await first.until(40)
        second = await checkpointing(held, *place)
        while not have_two_partitions_each(first, second):
            for partition in range(4):
                event_hubs.append(hub, partition, b"shared")
            await asyncio.sleep(0.02)
        while len(first.checkpointed | second.checkpointed) < event_hubs.count(hub):
            await asyncio.sleep(0.02)
    for partition in range(4):
        event_hubs.append(hub, partition, b"later")
    async with contextlib.AsyncExitStack() as held:
        third = await checkpointing(held, *place)
        await third.until(4)
    assert collections.Counter(third.partitions) == collections.Counter("0123")
    assert set(third.bodies) == {"later"}
