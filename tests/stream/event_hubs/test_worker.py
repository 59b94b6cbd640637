"""The worker on Event Hubs: the bytes that it publishes on Kafka, and what is left when it is told to stop."""

import asyncio
from contextlib import asynccontextmanager

from scoring import Event
from stream_worker import StreamSettings, Worker, make_sink, make_source
from stream_worker.redrive import redrive
from telemetry import Counters
from tests.brokers import unique_topic
from tests.stream.event_hubs.worlds import unique
from tests.stream.kafka import read_back, send
from tests.stream.makers import pipeline, value
from weir.redrive import redrive_ends

COUNT = 3000


def events():
    broken = {100: b"{", 200: b'{"id": "e200"}', 300: b""}
    return [Event(broken.get(n, value(n)), b"key-%d" % (n % 50)) for n in range(COUNT)]


def hub_settings(event_hubs, azurite, source, sink, dead):
    hub = {"kind": "event_hubs"}
    checkpoints = {"container": azurite.create_container(), "connection_string": azurite.connection_string}
    reading = {"connection_string": event_hubs.connection_string(), "checkpoints": checkpoints, "session_timeout_s": 4}
    return StreamSettings.model_validate(
        {
            "source": {**hub, "hub": source, "group": "$Default", **reading},
            "sink": {**hub, "hub": sink},
            "dead_letters": {**hub, "hub": dead},
            "health": None,
        }
    )


def kafka_settings(servers, source, sink, dead):
    kafka = {"kind": "kafka", "bootstrap_servers": servers}
    return StreamSettings.model_validate(
        {
            "source": {**kafka, "topic": source, "group": unique_topic("group")},
            "sink": {**kafka, "topic": sink},
            "dead_letters": {**kafka, "topic": dead},
            "health": None,
        }
    )


@asynccontextmanager
async def working(settings, scorer=None):
    counters, stop = Counters(), asyncio.Event()
    worker = Worker(
        source=make_source(settings.source),
        sink=make_sink(settings, settings.sink, name="sink"),
        dead_letters=make_sink(settings, settings.dead_letters, name="dead_letters"),
        pipeline=pipeline(scorer),
        settings=settings,
        observer=counters,
    )
    running = asyncio.create_task(worker.run(stop))
    yield counters
    stop.set()
    async with asyncio.timeout(30):
        await running


async def answer_all(settings):
    async with working(settings) as counters, asyncio.timeout(60):
        while counters.events < COUNT:
            await asyncio.sleep(0.02)


async def test_the_bytes_are_those_of_kafka(event_hubs, azurite, apache_kafka):
    name, sent = unique("same"), events()  # one name: where no event id is named, the position makes the prediction's
    hubs = [event_hubs.create_hub(each, 1) for each in (name, f"{name}-out", f"{name}-dead")]
    topics = [apache_kafka.create_topic(each, 1) for each in hubs]
    for event in sent:
        event_hubs.append(name, 0, event.value, key=event.key.decode())
    send(apache_kafka.bootstrap_servers, name, sent)
    await answer_all(hub_settings(event_hubs, azurite, *hubs))
    await answer_all(kafka_settings(apache_kafka.bootstrap_servers, *topics))
    for hub, topic in zip(hubs[1:], topics[1:], strict=True):
        on_hubs = [(e.body, e.partition_key, e.properties["weir-source"]) for e in event_hubs.events(hub, 0)]
        on_kafka = [
            (m.value(), m.key().decode(), dict(m.headers())["weir-source"].decode())
            for m in read_back(apache_kafka.bootstrap_servers, topic)
        ]
        assert on_hubs == on_kafka
        assert len(on_hubs) in {COUNT - 3, 3}


async def test_a_prediction_that_is_too_large_becomes_a_dead_letter(event_hubs, azurite):
    names = [unique(each) for each in ("tx", "out", "dead")]
    for name, largest in zip(names, (1_048_576, 550, 1_048_576), strict=True):
        event_hubs.create_hub(name, 1, max_message_bytes=largest)
    event_hubs.append(names[0], 0, value(1))
    event_hubs.append(names[0], 0, b'{"id": "' + b"x" * 250 + b'", "x": 1}', key="large")
    event_hubs.append(names[0], 0, value(2))
    async with working(hub_settings(event_hubs, azurite, *names)) as counters, asyncio.timeout(30):
        while counters.events < 3:
            await asyncio.sleep(0.02)
    assert len(event_hubs.events(names[1], 0)) == 2
    [letter] = event_hubs.events(names[2], 0)
    assert letter.properties["weir-error-code"] == "prediction_too_large"
    assert letter.partition_key == "large"
    assert len(letter.body) > 250
    assert (counters.predicted, counters.rejected) == (2, {"prediction_too_large": 1})


async def test_a_dead_letter_that_has_no_room_is_sent_without_its_value(event_hubs, azurite):
    names = [unique(each) for each in ("tx", "out", "dead")]
    for name in names:
        event_hubs.create_hub(name, 1, max_message_bytes=100_000)
    event_hubs.append_many(names[0], 0, [b"x" * 99_900, value(1)])
    async with working(hub_settings(event_hubs, azurite, *names)) as counters, asyncio.timeout(30):
        while counters.events < 2:
            await asyncio.sleep(0.02)
    [letter] = event_hubs.events(names[2], 0)
    assert letter.body is None
    assert letter.properties["weir-error-code"] == "invalid_json"
    assert letter.properties["weir-source"] == f"{names[0]}/0/0"
    assert letter.properties["weir-value-omitted"].startswith("99900 bytes, SHA-256 ")
    assert len(event_hubs.events(names[1], 0)) == 1


async def test_dead_letters_go_back_to_where_they_came_from(event_hubs, azurite):
    names = [event_hubs.create_hub(unique(each), 2) for each in ("tx", "out", "dead")]
    event_hubs.append(names[0], 1, b"{", key="card", properties={"traceparent": "00-1"})
    settings = hub_settings(event_hubs, azurite, *names)
    async with working(settings) as counters, asyncio.timeout(30):
        while counters.events < 1:
            await asyncio.sleep(0.02)
    assert event_hubs.count(names[2]) == 1
    assert await redrive(*redrive_ends(settings)) == {"invalid_json": 1}
    assert await redrive(*redrive_ends(settings)) == {}
    [again] = [event for number in (0, 1) for event in event_hubs.events(names[0], number)][-1:]
    assert event_hubs.count(names[0]) == 2
    assert (again.body, again.partition_key, again.properties) == (b"{", "card", {"traceparent": "00-1"})
