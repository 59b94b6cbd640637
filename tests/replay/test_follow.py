"""From an archive to the live stream, on Apache Kafka and on Event Hubs, without a gap or a duplicate."""

import pytest

from scoring.errors import ConfigurationError, SourceError
from stream_worker import make_source
from stream_worker.replay.follow import begin_after, check_unread
from tests.stream.event_hubs.worlds import EventHubsSourceWorld
from tests.stream.kafka import KafkaSourceWorld, committed
from tests.stream.source_contract import Reader, bodies, numbers


class OnKafka:
    """A topic of Apache Kafka."""

    @pytest.fixture
    def world(self, apache_kafka):
        return KafkaSourceWorld(apache_kafka)

    def settings(self, world, **more):
        return world.settings.model_copy(update=more)

    def stands(self, world):
        return committed(world.servers, world.settings.group, world.stream, 2)


class OnEventHubs:
    """An event hub."""

    @pytest.fixture
    def world(self, event_hubs, azurite, impatient_sdk):
        return EventHubsSourceWorld(event_hubs, azurite)

    def settings(self, world, **more):
        return world.settings(**more)


class Contract:
    async def test_it_goes_on_behind_the_archive(self, world):
        world.append(*numbers(0, 10), partition=0)
        world.append(*numbers(0, 4), partition=1)
        settings = self.settings(world)
        assert await begin_after(settings, {0: 6, 1: 3}) == {0: 7, 1: 4}
        world.append(*numbers(4, 5), partition=1)
        async with make_source(settings) as source:
            received = await Reader(source).read(4)
        assert (bodies(received, 0), bodies(received, 1)) == ([b"7", b"8", b"9"], [b"4"])

    async def test_doing_it_again_is_no_error(self, world):
        world.append(*numbers(0, 10))
        for _ in range(2):
            await begin_after(self.settings(world), {0: 6})
        async with make_source(self.settings(world)) as source:
            assert bodies(await Reader(source).read(3)) == [b"7", b"8", b"9"]

    async def test_a_partition_that_the_archive_has_not_is_followed_from_its_first_event(self, world):
        world.append(*numbers(0, 2), partition=0)
        world.append(*numbers(0, 2), partition=1)
        assert await begin_after(self.settings(world), {0: 0}) == {0: 1}
        async with make_source(self.settings(world)) as source:
            received = await Reader(source).read(3)
        assert (bodies(received, 0), bodies(received, 1)) == ([b"1"], [b"0", b"1"])

    async def test_a_group_that_stands_elsewhere_is_left_there(self, world):
        world.append(*numbers(0, 10), partition=0)
        world.append(*numbers(0, 10), partition=1)
        await begin_after(self.settings(world), {1: 4})
        told: list[str] = []
        for last, begun in (({0: 6, 1: 2}, False), ({0: 6, 1: 7}, True)):
            words = rf"the group stands at 5 in partition 1 .* go on at {last[1] + 1}: use a group"
            with pytest.raises(ConfigurationError, match=words):
                await begin_after(self.settings(world), last, begun=begun, note=lambda: told.append("begun"))
        async with make_source(self.settings(world)) as source:
            received = await Reader(source).read(15)
        assert (bodies(received, 0)[0], bodies(received, 1)[0], told) == (b"0", b"5", [])  # nothing was set

    async def test_one_that_has_followed_before_goes_on_where_it_stands(self, world):
        world.append(*numbers(0, 10), partition=0)
        world.append(*numbers(0, 10), partition=1)
        await begin_after(self.settings(world), {0: 7})
        told: list[str] = []
        found = await begin_after(self.settings(world), {0: 2}, begun=True, note=lambda: told.append("begun"))
        assert (found, told) == ({0: 8}, ["begun"])

    async def test_interrupted_before_anything_is_set_it_is_begun_all_the_same(self, world):
        world.append(*numbers(0, 10))

        def interrupt() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await begin_after(self.settings(world), {0: 6}, note=interrupt)
        await check_unread(self.settings(world), {0})  # nothing was set
        assert await begin_after(self.settings(world), {0: 6}, begun=True) == {0: 7}

    async def test_a_group_that_has_read_is_told_before_anything_is_scored(self, world):
        world.append(*numbers(0, 10))
        settings = self.settings(world)
        await check_unread(settings, {0, 1})
        with pytest.raises(ConfigurationError, match=r"the archive has a partition 2, and '.*' has only 2 of them"):
            await check_unread(settings, {0, 2})
        with pytest.raises(ConfigurationError, match=r"source.start is latest: expected earliest, for a partition of"):
            await check_unread(self.settings(world, start="latest"), {0})
        await begin_after(settings, {0: 4})
        with pytest.raises(ConfigurationError, match=r"stands at 5 in partition 0 of '.*': an archive is followed by"):
            await check_unread(settings, {0, 1})

    async def test_a_partition_that_the_stream_has_not(self, world):
        world.append(*numbers(0, 2))
        with pytest.raises(ConfigurationError, match=r"the archive has a partition 7, and '.*' has only 2 of them"):
            await begin_after(self.settings(world), {7: 1})

    async def test_an_archive_that_ends_behind_the_stream_is_of_another(self, world):
        world.append(*numbers(0, 10))
        told: list[str] = []
        for last, begun in ((999, False), (10, False), (10, True)):
            words = (
                rf"^the archive ends at {last} in partition 0, and the live partition of '.*' at 9: it is not the same"
            )
            with pytest.raises(ConfigurationError, match=words):
                await begin_after(self.settings(world), {0: last}, begun=begun, note=lambda: told.append("begun"))
        await check_unread(self.settings(world), {0})  # nothing was set
        assert told == []
        assert await begin_after(self.settings(world), {0: 9}) == {0: 10}

    async def test_an_archive_that_does_not_say_the_partition(self, world):
        world.append(*numbers(0, 10))
        words = (
            r"^--then-follow: a\.parquet does not keep of which partition its events are, and '.*' has 2 of them, so"
        )
        for ask in (check_unread(self.settings(world), {0}, unplaced="a.parquet"),
                    begin_after(self.settings(world), {0: 4}, unplaced="a.parquet")):  # fmt: skip
            with pytest.raises(ConfigurationError, match=words):
                await ask
        await check_unread(self.settings(world), {0})

    async def test_a_stream_that_is_not_there(self, world):
        key = "topic" if self.settings(world).kind == "kafka" else "hub"
        with pytest.raises(SourceError, match=r"^source: .*'nowhere'"):
            await begin_after(self.settings(world, **{key: "nowhere"}), {0: 1})


class TestOnKafka(Contract, OnKafka):
    async def test_a_group_that_is_read_is_told(self, world):
        world.append(*numbers(0, 4))
        async with make_source(world.settings) as source:
            await Reader(source).read(4)
            with pytest.raises(SourceError, match="stop the workers that read as this group"):
                await begin_after(world.settings, {0: 1})
        assert self.stands(world) == {}


class TestOnEventHubs(Contract, OnEventHubs):
    async def test_events_that_are_in_neither(self, world):
        world.append(*numbers(0, 10))
        world.hubs.delete_before(world.stream, 0, 6)
        with pytest.raises(
            ConfigurationError, match=r"begins at 6, and would be followed from 4: the 2 events between are gone"
        ):
            await begin_after(world.settings(), {0: 3})

    async def test_an_archive_that_ends_just_before_what_the_hub_still_has(self, world):
        world.append(*numbers(0, 10))
        world.hubs.delete_before(world.stream, 0, 6)
        await begin_after(world.settings(), {0: 5})
        async with make_source(world.settings()) as source:
            assert bodies(await Reader(source).read(4)) == [b"6", b"7", b"8", b"9"]
