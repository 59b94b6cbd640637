"""`weir doctor` before a Kafka cluster that lets everybody in."""

import http.server
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from scoring import Event
from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.examined import examine
from tests.cli.test_worker import Stage, running
from tests.stream.kafka import closed_port, send

BOUND_S = 30.0
SILENT = "none is set: no answer in time: is that the port of a broker (stream.source.bootstrap_servers)?"


def test_what_apache_kafka_tells_beside(apache_kafka, tmp_path):
    settings = configuration(tmp_path, apache_kafka.bootstrap_servers)
    topics = {key: apache_kafka.create_topic(unique_topic(key), 2) for key in ("source", "sink")}
    topics["dead_letters"] = apache_kafka.create_topic(unique_topic("dead"), 3, max_message_bytes=1_000_000)
    for key, name in topics.items():
        settings["stream"][key]["topic"] = name
    told = examine(tmp_path, settings)
    assert told.wrong == {}
    assert told.well[f"source, topic {topics['source']}"] == "2 partitions; may be read"
    assert told.well[f"sink, topic {topics['sink']}"] == "2 partitions; may be written"
    assert told.well[f"source, group {settings['stream']['source']['group']}"] == "nobody is in it now"
    assert told.well["sink, sizes"] == (f"{topics['sink']} takes 16,777,216 bytes at once; a batch has 900,000 at most")
    assert told.notes["dead_letters, sizes"] == (
        f"{topics['dead_letters']} takes 1,000,000 bytes at once, and an event may have 1,048,576 "
        "(stream.max_event_bytes): dead letters of the largest go without their value"
    )
    assert told.notes["partitions"] == (
        "differ: source 2, sink 2, dead_letters 3; it works, and with one number for all answers spread as events do"
    )


def test_a_batch_that_does_not_fit_its_topic(apache_kafka, tmp_path):
    settings = configuration(tmp_path, apache_kafka.bootstrap_servers)
    for key in ("source", "sink", "dead_letters"):
        settings["stream"][key]["topic"] = apache_kafka.create_topic(unique_topic(key), 1, max_message_bytes=900_001)
    settings["stream"]["sink"]["batch_bytes"] = 900_002
    told = examine(tmp_path, settings)
    assert told.wrong == {
        "sink, sizes": f"{settings['stream']['sink']['topic']} takes 900,001 bytes at once, and a batch may have "
        "900,002: lower stream.sink.batch_bytes, or raise the topic's max.message.bytes"
    }


class TestPositions:
    def words(self, broker, folder, settings):
        told = examine(folder, settings)
        assert told.wrong == {}
        what = f"source, positions of {settings['stream']['source']['group']}"
        return {**told.well, **told.notes}[what]

    def commit(self, broker, settings, *positions):
        source = settings["stream"]["source"]
        consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": source["group"]})
        at = [TopicPartition(source["topic"], number, position) for number, position in enumerate(positions)]
        consumer.commit(offsets=at, asynchronous=False)
        consumer.close()

    def test_how_far_behind_they_are(self, streaming, broker, tmp_path):
        send(broker.bootstrap_servers, streaming["stream"]["source"]["topic"], [Event(b"{}")] * 5)
        self.commit(broker, streaming, 2)
        assert self.words(broker, tmp_path, streaming) == "committed in 1 of 2 partitions; 3 events behind"

    def test_past_the_end(self, streaming, broker, tmp_path):
        self.commit(broker, streaming, 7, 0)
        assert self.words(broker, tmp_path, streaming) == (
            "committed in 2 of 2 partitions; 0 events behind; in 0 it is past the end: was the topic made anew?"
        )

    def test_events_that_were_deleted_before_they_were_read(self, apache_kafka, tmp_path):
        settings = configuration(tmp_path, apache_kafka.bootstrap_servers)
        for key in ("source", "sink", "dead_letters"):
            settings["stream"][key]["topic"] = apache_kafka.create_topic(unique_topic(key), 1)
        topic = settings["stream"]["source"]["topic"]
        send(apache_kafka.bootstrap_servers, topic, [Event(b"{}")] * 10)
        self.commit(apache_kafka, settings, 2)
        admin = AdminClient({"bootstrap.servers": apache_kafka.bootstrap_servers})
        [deleted] = admin.delete_records([TopicPartition(topic, 0, 6)]).values()
        deleted.result(20)
        assert self.words(apache_kafka, tmp_path, settings) == (
            "committed in 1 of 1 partition; 4 events behind; 4 more were deleted before it read them"
        )

    def test_a_group_that_begins_with_what_comes_next(self, streaming, broker, tmp_path):
        streaming["stream"]["source"]["start"] = "latest"
        assert self.words(broker, tmp_path, streaming) == (
            "none is committed; it begins with what comes next (stream.source.start)"
        )


class TestBrokersThatDoNotAnswer:
    def test_nobody_listens(self, tmp_path):
        servers = f"127.0.0.1:{closed_port()}"
        told = examine(tmp_path, configuration(tmp_path, servers))
        assert told.wrong == {
            f"source, broker {servers}": "does not answer: Connection refused (stream.source.bootstrap_servers)"
        }
        assert told.notes["source, topics"] == "were not looked at, for the cluster cannot be asked"

    def test_there_is_no_such_host(self, tmp_path):
        told = examine(tmp_path, configuration(tmp_path, "nowhere.invalid:9092"))
        assert told.wrong == {
            "source, broker nowhere.invalid:9092": "does not answer: there is no host 'nowhere.invalid' "
            "(stream.source.bootstrap_servers)"
        }

    def test_one_of_two_is_no_more_than_a_note(self, streaming, broker, tmp_path):
        down = f"127.0.0.1:{closed_port()}"
        streaming["stream"]["source"]["bootstrap_servers"] = f"{down},{broker.bootstrap_servers}"
        told = examine(tmp_path, streaming)
        assert told.wrong == {}
        assert told.notes[f"source, broker {down}"].startswith("does not answer: Connection refused")

    def test_one_that_never_says_a_word(self, tmp_path):
        started = time.monotonic()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            told = examine(tmp_path, configuration(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}"))
        assert time.monotonic() - started < BOUND_S
        assert told.wrong == {"source, sign-in": SILENT}

    def test_something_else_that_listens_there(self, tmp_path):
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            told = examine(tmp_path, configuration(tmp_path, f"127.0.0.1:{server.server_port}"))
            server.shutdown()
        assert told.wrong == {"source, sign-in": SILENT}

    def test_the_address_that_a_broker_gives_itself(self, streaming, faulty_broker, tmp_path):
        for key in ("source", "sink", "dead_letters"):
            faulty_broker.create_topic(streaming["stream"][key]["topic"], 1)
        given = closed_port()
        with relay(faulty_broker, given) as servers:
            streaming["stream"]["source"]["bootstrap_servers"] = servers
            told = examine(tmp_path, streaming)
        assert told.wrong == {
            f"source, broker 127.0.0.1:{given}": "does not answer: Connection refused "
            "(the address that it gives itself, its advertised.listeners)"
        }
        assert told.well[f"source, broker {servers}"] == "answers"


@contextmanager
def relay(broker, port):
    """Stand before a broker, and give another port for its own in all that it says; yields the address."""
    host, _, own = broker.bootstrap_servers.partition(":")
    said = len(host).to_bytes(2) + host.encode()

    def pass_on(of, to, change):
        with of, suppress(OSError):
            while data := of.recv(65_536):
                to.sendall(data.replace(said + int(own).to_bytes(4), said + port.to_bytes(4)) if change else data)
            to.shutdown(socket.SHUT_WR)

    def serve():
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                behind = socket.create_connection((host, int(own)))
                for one in ((client, behind, False), (behind, client, True)):
                    threading.Thread(target=pass_on, args=one, daemon=True).start()

    with socket.create_server((host, 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"{host}:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("key", ["source", "sink", "dead_letters"])
def test_a_topic_that_is_not_there(streaming, tmp_path, key):
    streaming["stream"][key]["topic"] = "nowhere"
    told = examine(tmp_path, streaming)
    assert told.wrong == {
        f"{key}, topic nowhere": f"is not there: create it, for Weir creates none, or change stream.{key}.topic"
    }
    assert examine(tmp_path, streaming).wrong == told.wrong  # asking made none


def test_a_worker_of_the_group_is_not_disturbed(apache_kafka, tmp_path):
    stage = Stage(apache_kafka, tmp_path)
    stage.send()
    with running(tmp_path, stage.settings) as worker:
        worker.until(lambda: worker.all_ready(1), "ready")
        worker.until(stage.is_committed, "committed")
        before = members(apache_kafka, stage.group), worker.said.count("reading partitions")
        for _ in range(3):
            told = examine(tmp_path, stage.settings | {"store": str(tmp_path / "store")})
            assert told.wrong == {}
            assert told.well[f"source, group {stage.group}"] == "1 worker in it now"
            assert told.well[f"source, positions of {stage.group}"] == "committed in 4 of 4 partitions; 0 events behind"
        assert (members(apache_kafka, stage.group), worker.said.count("reading partitions")) == before
        assert stage.is_committed()
        assert worker.stop() == 0
        assert "stopped after 1000 events: 900 predictions, 100 dead letters" in worker.said
    stage.check_answers()


def members(broker, group):
    """Who is in a group, and what each of them reads."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    [described] = admin.describe_consumer_groups([group]).values()
    return {
        member.member_id: sorted(at.partition for at in member.assignment.topic_partitions)
        for member in described.result(20).members
    }
