"""Event Hubs as a sink: the contract on the wire, and what only Event Hubs does."""

import pytest

from scoring.errors import SinkError
from stream_worker import Outgoing
from tests.stream.event_hubs.worlds import EventHubsSinkWorld
from tests.stream.sink_contract import SinkContract, message


class TestEventHubsSink(SinkContract):
    repeats_headers = False

    @pytest.fixture
    def world(self, event_hubs):
        return EventHubsSinkWorld(event_hubs)

    @pytest.fixture
    def fragile_world(self, event_hubs, monkeypatch):
        monkeypatch.setattr("stream_worker.event_hubs.connection._CLOSE_S", 1.0)
        return EventHubsSinkWorld(event_hubs, timeout_s=2)


class TestPartitions:
    async def test_a_key_always_goes_to_the_partition_of_its_hash_and_is_carried(self, event_hubs):
        world = EventHubsSinkWorld(event_hubs)
        keys = [f"card-{number % 20}".encode() for number in range(200)]
        async with world.sink() as sink:
            await sink.publish([Outgoing(b"%d" % n, key, [], n % 7) for n, key in enumerate(keys)])
        published = world.published()
        assert {(m.value, m.key) for m in published} == {(b"%d" % n, key) for n, key in enumerate(keys)}
        places = {(m.key, m.partition) for m in published}
        assert len(places) == 20
        assert {partition for _, partition in places} == {0, 1}

    async def test_a_key_that_the_service_does_not_take_goes_along(self, event_hubs):
        world = EventHubsSinkWorld(event_hubs)
        async with world.sink() as sink:
            await sink.publish([Outgoing(b"1", b"\xff", [], 3), Outgoing(b"2", None, [], 2)])
        [second, first] = world.published()
        assert (first.key, first.partition, second.key, second.partition) == (b"\xff", 1, None, 0)


class TestFaults:
    async def test_a_service_that_is_busy_for_a_while(self, event_hubs):
        world = EventHubsSinkWorld(event_hubs)
        async with world.sink() as sink:
            await sink.publish([message(b"first")])
            event_hubs.busy(4)
            await sink.publish([message(b"second")])
        assert [m.value for m in world.published()] == [b"first", b"second"]

    @pytest.mark.parametrize("fault", ["detach", "drop_connections"])
    async def test_a_link_that_breaks_is_made_again(self, event_hubs, fault):
        world = EventHubsSinkWorld(event_hubs)
        async with world.sink() as sink:
            await sink.publish([message(b"first")])
            getattr(event_hubs, fault)()
            await sink.publish([message(b"second")])
        assert [m.value for m in world.published()] == [b"first", b"second"]

    async def test_an_acknowledgement_that_is_lost_makes_a_duplicate_and_keeps_the_order(self, event_hubs):
        world = EventHubsSinkWorld(event_hubs)
        async with world.sink() as sink:
            await sink.publish([message(b"1"), message(b"2")])
            event_hubs.lose_acknowledgements(1)
            await sink.publish([message(b"3"), message(b"4")])
            await sink.publish([message(b"5")])
        assert [m.value for m in world.published()] == [b"1", b"2", b"3", b"4", b"3", b"4", b"5"]

    async def test_a_service_that_is_busy_for_too_long_is_told_in_words(self, event_hubs):
        world = EventHubsSinkWorld(event_hubs, timeout_s=2)
        async with world.sink() as sink:
            event_hubs.busy(1000)
            with pytest.raises(
                SinkError, match=rf"^sink: Event Hubs at .* did not acknowledge for '{world.hub}': no answer"
            ):
                await sink.publish([message(b"x")])
            event_hubs.busy(0)

    async def test_a_wrong_key_is_told_in_words(self, event_hubs):
        world = EventHubsSinkWorld(event_hubs)
        wrong = event_hubs.connection_string().replace(event_hubs.key, "d3Jvbmc=")
        with pytest.raises(SinkError, match="the sign-in was refused; check the key"):
            async with world.sink(connection_string=wrong):
                pass
