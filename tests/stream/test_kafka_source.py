"""Kafka as a source: the contract on the mock and on Apache Kafka, and what only Kafka does."""

import asyncio
import gc
import time

import pytest
from aiokafka import TopicPartition

from scoring.errors import SourceError
from stream_worker.fakes import hang
from stream_worker.kafka.source import KafkaSource
from tests.brokers.faults import DISCONNECT
from tests.stream.kafka import KafkaSourceWorld, committed, send_with_header, source_settings
from tests.stream.source_contract import Reader, SourceContract, bodies, numbers

FETCH, OFFSET_COMMIT, JOIN_GROUP = 1, 8, 11  # kinds of request
UNKNOWN_SERVER_ERROR, NOT_LEADER, COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE = -1, 6, 14, 15
TOPIC_AUTHORIZATION, GROUP_AUTHORIZATION = 29, 30


class TestKafkaSource(SourceContract):
    @pytest.fixture
    def world(self, broker):
        return KafkaSourceWorld(broker)

    @pytest.fixture
    def shared_world(self, apache_kafka):
        return KafkaSourceWorld(apache_kafka)

    @pytest.fixture
    def fragile_world(self, faulty_broker, monkeypatch):
        monkeypatch.setattr("stream_worker.kafka.client._STOP_S", 1.0)
        return KafkaSourceWorld(faulty_broker, faulty_broker.set_down, timeout_s=1)


async def test_a_process_that_slept_through_its_session_commits_nothing(apache_kafka, caplog):
    world = KafkaSourceWorld(apache_kafka, session_timeout_s=1)
    world.append(*numbers(0, 2))
    async with world.source() as source:
        await Reader(source).read(2)
        epoch = source.epoch
        time.sleep(2)  # noqa: ASYNC251 - the whole process stands still, heartbeats and all
        with caplog.at_level("INFO", "stream_worker"):
            await source.commit({(world.stream, 0): 2})
        assert "the group moved on before 1 positions were committed; their events come again" in caplog.messages
        assert bodies(await Reader(source).read(2)) == [b"0", b"1"]
        assert source.epoch > epoch
    assert committed(world.servers, world.settings.group, world.stream, 2) == {}


class TestAnswersOfTheBroker:
    """Error codes of Kafka's protocol, from a broker that gives them on request."""

    @pytest.fixture
    def world(self, faulty_broker):
        world = KafkaSourceWorld(faulty_broker, timeout_s=5)
        world.append(*numbers(0, 2))
        return world

    async def test_a_commit_that_fails_for_a_moment_is_tried_again(self, world, faulty_broker):
        async with world.source() as source:
            await Reader(source).read(2)
            faulty_broker.push_errors(OFFSET_COMMIT, [COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOADING, DISCONNECT])
            await source.commit({(world.stream, 0): 2})
        assert committed(world.servers, world.settings.group, world.stream, 2) == {0: 2}

    async def test_a_commit_that_is_not_allowed_is_told_in_words(self, world, faulty_broker):
        async with world.source() as source:
            await Reader(source).read(2)
            faulty_broker.push_errors(OFFSET_COMMIT, [GROUP_AUTHORIZATION])
            with pytest.raises(SourceError, match=r"^source: positions could not be committed: .*Group"):
                await source.commit({(world.stream, 0): 2})

    async def test_a_topic_that_may_not_be_read_is_told_in_words(self, world, faulty_broker):
        async with world.source() as source:
            faulty_broker.push_errors(FETCH, [TOPIC_AUTHORIZATION] * 20)
            with pytest.raises(SourceError, match=rf"^source: cannot read '{world.stream}': .*Authori[sz]ation"):
                await Reader(source).read(2)

    async def test_a_group_that_may_not_be_joined_is_told_in_words(self, world, faulty_broker):
        faulty_broker.push_errors(JOIN_GROUP, [GROUP_AUTHORIZATION] * 20)
        async with world.source() as source:
            with pytest.raises(SourceError, match=r"^source: cannot read .*Group"):
                await Reader(source).read(2)

    async def test_fetches_that_fail_for_a_moment_lose_nothing(self, world, faulty_broker):
        async with world.source() as source:
            faulty_broker.push_errors(FETCH, [NOT_LEADER, DISCONNECT, UNKNOWN_SERVER_ERROR])
            assert bodies(await Reader(source).read(2)) == [b"0", b"1"]


async def test_a_header_that_is_not_text_is_told_in_words(faulty_broker):
    world = KafkaSourceWorld(faulty_broker)
    await send_with_header(world.servers, world.stream, b"\xff\xfe")
    async with world.source() as source:
        with pytest.raises(SourceError, match=rf"^source: cannot read '{world.stream}': .* name is not UTF-8"):
            await Reader(source).read(1)


class TestARevocation:
    """What happens when partitions are taken away, called as the client calls it."""

    @pytest.fixture
    def source(self):
        return KafkaSource(source_settings("127.0.0.1:1", "events", session_timeout_s=1))

    async def test_the_epoch_moves_before_the_handover(self, source):
        seen = []

        async def hand_over(partitions):
            assert partitions == [("events", 0)]
            seen.append(source.epoch)

        source.on_handover(hand_over)
        before = source.epoch
        await source.on_partitions_revoked([TopicPartition("events", 0)])
        assert seen == [before + 1]

    async def test_with_no_partitions_nobody_is_asked(self, source):
        source.on_handover(lambda _: pytest.fail("it was called"))
        await source.on_partitions_revoked([])

    async def test_without_a_handover_it_just_moves_on(self, source):
        await source.on_partitions_revoked([TopicPartition("events", 0)])
        assert source.epoch == 1

    async def test_a_handover_that_hangs_is_left_behind_in_a_bound(self, source, caplog):
        source.on_handover(lambda _: hang())
        started = time.monotonic()
        await source.on_partitions_revoked([TopicPartition("events", 0)])
        assert time.monotonic() - started < 1
        assert "some events come again: no answer in time" in caplog.text

    async def test_a_handover_that_fails_is_told_in_one_line(self, source, caplog):
        async def hand_over(_):
            raise SourceError("source: positions could not be committed: no answer in time")

        source.on_handover(hand_over)
        await source.on_partitions_revoked([TopicPartition("events", 0)])
        [record] = caplog.records
        assert record.exc_info is None
        assert "positions could not be committed" in record.getMessage()


class TestASilentServer:
    """It accepts connections and never says a word."""

    async def test_connecting_ends_in_a_bound(self, silent_server, monkeypatch):
        monkeypatch.setattr("stream_worker.kafka.source._START_S", 0.5)
        with pytest.raises(SourceError, match=rf"^source: Kafka at {silent_server} does not answer: no answer in time"):
            async with KafkaSource(source_settings(silent_server, "events")):
                pass

    async def test_an_interrupted_start_leaves_nothing_open(self, silent_server):
        opening = asyncio.create_task(KafkaSource(source_settings(silent_server, "events")).__aenter__())
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        gc.collect()  # an unclosed client complains when it is collected, and warnings are errors
