"""Event Hubs as a source: the contract on the wire, and what only Event Hubs does."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from azure.storage.blob import ContainerClient

from scoring import Event
from scoring.errors import SourceError
from stream_worker.event_hubs.source import EventHubsSource
from tests.stream.event_hubs.worlds import EventHubsSourceWorld
from tests.stream.source_contract import Reader, SourceContract, bodies, numbers


@pytest.fixture
def world(event_hubs, azurite):
    return EventHubsSourceWorld(event_hubs, azurite)


def checkpoints(world: EventHubsSourceWorld) -> dict[int, tuple[str, str]]:
    """Return the offset and the sequence number of each partition's checkpoint."""
    return {
        number: (metadata["offset"], metadata["sequencenumber"])
        for number, metadata in _blobs(world, "checkpoint").items()
    }


def owners(world: EventHubsSourceWorld) -> dict[int, str]:
    return {number: metadata["ownerid"] for number, metadata in _blobs(world, "ownership").items()}


def _blobs(world: EventHubsSourceWorld, kind: str) -> dict[int, dict[str, str]]:
    connection = world.azurite.connection_string
    with ContainerClient.from_connection_string(connection, world.container) as container:
        prefix = f"{world.hubs.namespace}/{world.stream}/scoring/{kind}/"
        found = container.list_blobs(name_starts_with=prefix, include=["metadata"])
        return {int(blob.name.rpartition("/")[2]): dict(blob.metadata or {}) for blob in found}


async def failure(source: EventHubsSource, seconds: float = 20.0) -> str:
    """Return what a fetch says when reading has failed for too long."""
    with pytest.raises(SourceError) as caught:
        async with asyncio.timeout(seconds):
            while True:
                await source.fetch(max_events=10, max_wait=0.01)
    return str(caught.value)


class TestEventHubsSource(SourceContract):
    repeats_headers = False
    hands_over_cleanly = False

    @pytest.fixture
    def world(self, event_hubs, azurite):
        return EventHubsSourceWorld(event_hubs, azurite)

    @pytest.fixture
    def fragile_world(self, event_hubs, azurite, monkeypatch):
        monkeypatch.setattr("stream_worker.event_hubs.connection._CLOSE_S", 1.0)

        def take_down():
            event_hubs.down()
            azurite.stop_answering()

        yield EventHubsSourceWorld(event_hubs, azurite, take_down, timeout_s=2)
        azurite.resume()


class TestWhereItBegins:
    async def test_at_the_first_event(self, world):
        world.append(*numbers(0, 3))
        async with world.source() as source:
            assert bodies(await Reader(source).read(3)) == [b"0", b"1", b"2"]

    async def test_at_the_end_even_when_it_connects_again_before_the_first_event(self, world):
        world.append(*numbers(0, 3))
        async with world.source(start="latest") as source:
            assert await source.fetch(max_events=10, max_wait=0.01) is None
            assert checkpoints(world)[0][1] == "2"
        world.append(*numbers(3, 5))  # while nobody reads
        async with world.source(start="latest") as source:
            reading = Reader(source)
            assert bodies(await reading.read(2)) == [b"3", b"4"]
            world.hubs.drop_connections()
            world.append(*numbers(5, 6))
            assert bodies(await reading.read_to(b"5"))[-1] == b"5"

    async def test_at_the_end_of_a_partition_that_is_empty(self, world):
        async with world.source(start="latest") as source:
            assert await source.fetch(max_events=10, max_wait=0.01) is None
            assert checkpoints(world) == {}
            world.append(*numbers(0, 1))
            assert bodies(await Reader(source).read(1)) == [b"0"]

    async def test_at_a_time(self, world):
        world.append(*numbers(0, 3))
        await asyncio.sleep(0.05)
        middle = datetime.now(UTC)
        await asyncio.sleep(0.05)
        world.append(*numbers(3, 5))
        async with world.source(start=middle) as source:
            assert bodies(await Reader(source).read(2)) == [b"3", b"4"]

    async def test_a_checkpoint_counts_more_than_the_start(self, world):
        world.append(*numbers(0, 4))
        async with world.source() as source:
            await Reader(source).read(4)
            await source.commit({(world.stream, 0): 2})
        async with world.source(start="latest") as source:
            assert bodies(await Reader(source).read(2)) == [b"2", b"3"]


class TestCheckpoints:
    async def test_they_have_the_form_that_other_clients_read(self, world):
        world.append(*numbers(0, 4))
        stored = world.hubs.events(world.stream, 0)
        async with world.source() as source:
            await Reader(source).read(4)
            await source.commit({(world.stream, 0): 3})
        assert checkpoints(world) == {0: (str(stored[2].offset), "2")}


class TestOwnership:
    async def test_it_is_given_back_at_a_clean_end(self, world):
        async with world.source() as source:
            await source.fetch(max_events=10, max_wait=0.01)
            async with asyncio.timeout(5):
                while len(owners(world)) < 2:
                    await source.fetch(max_events=10, max_wait=0.01)
        assert not any(owners(world).values())

    async def test_only_the_partition_that_moves_is_read_again(self, world):
        for partition in (0, 1):
            world.append(*numbers(0, 5), partition=partition)
        async with world.source() as first:
            reader = Reader(first)
            await reader.read(10)
            await first.commit(reader.ends)
            batches = []
            async with world.source() as second:
                async with asyncio.timeout(20):
                    while len(set(owners(world).values())) < 2 or first.epoch == 0:
                        batch = await first.fetch(max_events=10, max_wait=0.01)
                        batches += [batch] if batch else []
                        await second.fetch(max_events=10, max_wait=0.01)
                world.append(*numbers(5, 6), partition=0)
                world.append(*numbers(5, 6), partition=1)
                got = [await Reader(source).read_to(b"5") for source in (first, second)]
            assert batches == []
            assert [bodies(each)[-1] for each in got] == [b"5", b"5"]
            assert len({each[-1].position.partition for each in got}) == 2


class TestFaults:
    async def test_what_the_client_delivers_twice_is_handed_out_once(self, world):
        world.append(*numbers(0, 2000))
        received: list[Event] = []
        source = world.source()
        reader = Reader(source)
        source.on_handover(lambda _: source.commit(reader.ends))  # a link that breaks four times is let go
        async with source:
            for _ in range(4):
                received += await reader.read(300, max_events=100)
                world.hubs.drop_connections()
            received += await reader.read(2000 - len(received))
            assert bodies(received) == [event.value for event in numbers(0, 2000)]

    @pytest.mark.parametrize("fault", ["detach", "drop_connections"])
    async def test_a_link_that_breaks_is_made_again(self, world, fault):
        async with world.source() as source:
            reader = Reader(source)
            world.append(*numbers(0, 2))
            await reader.read(2)
            getattr(world.hubs, fault)()
            world.append(*numbers(2, 4))
            assert bodies(await reader.read(2)) == [b"2", b"3"]

    async def test_tokens_that_are_refused_for_too_long_are_told_in_words(self, event_hubs, azurite):
        world = EventHubsSourceWorld(event_hubs, azurite, timeout_s=3)
        async with world.source() as source:
            await source.fetch(max_events=10, max_wait=0.01)
            event_hubs.refuse_tokens(refuse=True)
            event_hubs.drop_connections()
            text = await failure(source, 40)
        assert text.startswith(f"source: Event Hubs at {event_hubs.namespace}: cannot read '{world.stream}': ")
        assert "the sign-in was refused; check the key" in text

    async def test_a_link_that_went_silent_is_noticed(self, event_hubs, azurite, monkeypatch):
        monkeypatch.setattr("stream_worker.event_hubs.ends._AGE_S", 0.1)
        world = EventHubsSourceWorld(event_hubs, azurite, timeout_s=2)
        world.append(*numbers(0, 2))
        async with world.source() as source:
            await Reader(source).read(2)
            held = source._held[0]
            monkeypatch.setattr(held, "put", lambda *_: asyncio.sleep(0))  # as if the client delivered nothing
            world.append(*numbers(2, 4))
            with pytest.raises(SourceError, match=r"source: partition 0 has 2 events for us, and none came for 2 s"):
                async with asyncio.timeout(20):
                    while True:
                        await source.lag()
                        await asyncio.sleep(0.1)

    async def test_events_that_retention_deleted_are_told(self, world, caplog):
        world.append(*numbers(0, 4))
        async with world.source() as source:
            await Reader(source).read(2)
            await source.commit({(world.stream, 0): 2})
        world.hubs.delete_before(world.stream, 0, 3)
        async with world.source() as source:
            assert bodies(await Reader(source).read(1)) == [b"3"]
        assert f"{world.stream}/0/3: the 1 events before it were deleted" in caplog.text


class TestBackPressure:
    async def test_what_is_not_fetched_stays_on_the_server(self, event_hubs, azurite):
        world = EventHubsSourceWorld(event_hubs, azurite, prefetch=50)
        event_hubs.append_many(world.stream, 0, [b"x" * 1000] * 5000)
        async with world.source() as source:
            read = await Reader(source).read(10, max_events=10)  # in as many fetches as they come in: 10 to 19
            await asyncio.sleep(2)
            held = source._held[0]
            assert held.waiting <= 50
            assert sum((await source.lag()).values()) == 5000 - len(read)
            consumers = [c for p in source._client._event_processors.values() for c in p._consumers.values()]
            assert sum(len(consumer._message_buffer) for consumer in consumers) <= 100


class TestWords:
    async def test_a_consumer_group_that_does_not_exist(self, world):
        with pytest.raises(SourceError, match=rf"'{world.stream}' has no consumer group 'nobody' \(source.group\)"):
            async with world.source(group="nobody"):
                pass

    async def test_a_checkpoint_that_the_hub_does_not_know(self, event_hubs, azurite):
        world = EventHubsSourceWorld(event_hubs, azurite, timeout_s=3)
        world.append(*numbers(0, 5))
        async with world.source() as source:
            await Reader(source).read(5)
            await source.commit({(world.stream, 0): 5})
        hub = event_hubs._namespace.hub(world.stream)
        hub.partitions["0"].stored.clear()  # as if it had been deleted and created again
        async with world.source() as source:
            text = await failure(source, 40)
        assert "cannot read" in text
        assert "partition 0: The supplied offset" in text

    async def test_a_wrong_key(self, world):
        key = world.hubs.key
        wrong = world.hubs.connection_string().replace(key, "d3Jvbmc=")
        with pytest.raises(SourceError, match="the sign-in was refused; check the key") as caught:
            async with world.source(connection_string=wrong):
                pass
        assert "d3Jvbmc" not in str(caught.value)

    async def test_a_container_that_does_not_exist(self, world):
        checkpoints = {"container": "nothing", "connection_string": world.azurite.connection_string}
        with pytest.raises(
            SourceError, match=r"container of checkpoints, 'nothing' .*: The specified container does not"
        ):
            async with world.source(checkpoints=checkpoints):
                pass

    async def test_a_wrong_key_of_the_storage_account(self, world):
        wrong = world.azurite.connection_string.replace(world.azurite.key, "d3Jvbmc=")
        with pytest.raises(SourceError, match=r"container of checkpoints.*the sign-in was refused"):
            async with world.source(checkpoints={"container": world.container, "connection_string": wrong}):
                pass

    async def test_a_clock_that_is_wrong(self, world, monkeypatch):
        now = time.time
        monkeypatch.setattr("stream_worker.event_hubs.checkpoints.time.time", lambda: now() + 100)
        with pytest.raises(SourceError, match=r"source: this machine's clock is (99|100|101) s ahead of the storage"):
            async with world.source():
                pass

    async def test_a_namespace_whose_clock_is_ahead(self, world):
        world.hubs.advance_clock(4000)  # a token lives for an hour
        with pytest.raises(SourceError, match=r"and this machine's clock: ExpiredToken"):
            async with world.source():
                pass


async def test_it_ends_inside_its_bound_with_the_hub_silent(world):
    world.append(*numbers(0, 2))
    async with world.source() as source:
        await Reader(source).read(2)
        world.hubs.silence()
        began = time.monotonic()
    assert time.monotonic() - began < 8


async def test_a_service_that_is_busy_when_it_starts_is_waited_for(world):
    world.append(*numbers(0, 3))
    world.hubs.busy(3)
    async with world.source() as source:
        assert bodies(await Reader(source).read(3)) == [b"0", b"1", b"2"]
