"""Every setting that can be wrong, and the words that say so."""

import pytest
from pydantic import SecretStr, ValidationError

from scoring.validation import in_words
from stream_worker import StreamSettings
from stream_worker.kafka.settings import KafkaSinkSettings, Sasl, Tls
from tests.stream.makers import settings

SERVERS = "localhost:9092"
SOURCE = {"kind": "kafka", "bootstrap_servers": SERVERS, "topic": "events", "group": "g"}
SINK = {"kind": "kafka", "topic": "predictions"}
DEAD = {"kind": "kafka", "topic": "dead"}
WHOLE = {"source": SOURCE, "sink": SINK, "dead_letters": DEAD}


def words(**more):
    with pytest.raises(ValidationError) as caught:
        StreamSettings.model_validate(WHOLE | more)
    return in_words(caught.value)


def test_defaults():
    stream = StreamSettings.model_validate(WHOLE)
    assert (stream.delivery, stream.batch.max_events, stream.batch.max_wait_ms) == ("at_least_once", 4096, 5.0)
    assert stream.source.start == "earliest"
    assert stream.health is not None
    assert (stream.health.host, stream.health.port) == ("127.0.0.1", 8081)


def test_they_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        settings().max_event_bytes = 5


@pytest.mark.parametrize("missing", ["source", "sink", "dead_letters"])
def test_a_part_that_is_missing(missing):
    with pytest.raises(ValidationError) as caught:
        StreamSettings.model_validate({key: value for key, value in WHOLE.items() if key != missing})
    assert in_words(caught.value) == f"{missing}: is missing"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"source": SOURCE | {"topic": "a b"}}, "source.topic: expected 1 to 249 letters, digits, '.', '_' and '-'"),
        ({"source": SOURCE | {"topic": ""}}, "source.topic: expected 1 to 249 letters"),
        ({"sink": SINK | {"topic": "x" * 250}}, "sink.topic: expected 1 to 249 letters"),
        ({"source": SOURCE | {"group": ""}}, "source.group: String should have at least 1 character"),
        ({"source": SOURCE | {"start": "now"}}, "source.start: Input should be 'earliest' or 'latest' (found 'now')"),
        ({"source": SOURCE | {"kind": "rabbit"}}, "source.kind: expected 'kafka' or 'event_hubs' (found 'rabbit')"),
        ({"source": SOURCE | {"tpoic": "x"}}, "source.tpoic: there is no such key"),
        ({"source": SOURCE | {"session_timeout_s": 0.5}}, "source.session_timeout_s: Input should be greater than or"),
        ({"source": SOURCE | {"fetch_bytes": 10}}, "source.fetch_bytes: Input should be greater than or equal to 1024"),
        ({"sink": SINK | {"compression": "rar"}}, "sink.compression: Input should be 'none', 'gzip', 'snappy'"),
        ({"sink": SINK | {"timeout_s": 0}}, "sink.timeout_s: Input should be greater than 0 (found 0)"),
        ({"delivery": "at_most_once"}, "delivery: Input should be 'at_least_once'"),
        ({"batch": {"max_events": 0}}, "batch.max_events: Input should be greater than or equal to 1 (found 0)"),
        ({"batch": {"max_wait_ms": -1}}, "batch.max_wait_ms: Input should be greater than or equal to 0 (found -1)"),
        ({"max_event_bytes": 0}, "max_event_bytes: Input should be greater than or equal to 1 (found 0)"),
        ({"commit_interval_ms": 0}, "commit_interval_ms: Input should be greater than or equal to 1 (found 0)"),
        ({"shutdown_timeout_s": 0}, "shutdown_timeout_s: Input should be greater than 0 (found 0)"),
        ({"stall_timeout_s": "soon"}, "stall_timeout_s: Input should be a valid number"),
        ({"health": {"port": 70_000}}, "health.port: Input should be less than or equal to 65535 (found 70000)"),
    ],
)
def test_a_value_that_is_wrong(more, expected):
    assert words(**more).startswith(expected)


@pytest.mark.parametrize(
    "servers", ["localhost", "localhost:", ":9092", "a:1,,b:2", "a:1,", "a:0", "a:65536", "a b:1", ""]
)
def test_servers_that_are_none(servers):
    assert words(source=SOURCE | {"bootstrap_servers": servers}).startswith(
        "source.bootstrap_servers: expected host:port, several separated by commas"
    )


@pytest.mark.parametrize(
    "servers", ["localhost:9092", "a:1,b:2", "a.example:1, b-2.example:2", "[::1]:9092", "10.0.0.1:65535"]
)
def test_servers(servers):
    assert settings(source=SOURCE | {"bootstrap_servers": servers}).source.bootstrap_servers == servers


class TestTopics:
    @pytest.mark.parametrize("name", ["sink", "dead_letters"])
    @pytest.mark.parametrize("more", [{}, {"bootstrap_servers": SERVERS}])
    def test_none_may_be_the_one_that_is_read(self, name, more):
        assert words(**{name: {"kind": "kafka", "topic": "events"} | more}) == (
            f"{name}.topic is the topic that is read, 'events': it would feed on itself"
        )

    @pytest.mark.parametrize("more", [{}, {"bootstrap_servers": SERVERS}])
    def test_predictions_and_dead_letters_go_apart(self, more):
        assert words(dead_letters=SINK | more) == "sink.topic and dead_letters.topic are both 'predictions'"

    def test_the_same_name_on_another_cluster_is_another_topic(self):
        other = {"bootstrap_servers": "elsewhere:9092"}
        stream = StreamSettings.model_validate(WHOLE | {"sink": {"kind": "kafka", "topic": "events"} | other})
        assert stream.kafka_connection(stream.sink).bootstrap_servers == "elsewhere:9092"


class TestConnections:
    def test_a_sink_without_one_takes_the_sources(self):
        stream = settings(sink=SINK)
        assert stream.kafka_connection(stream.sink) is stream.source

    @pytest.mark.parametrize("key", ["sasl", "tls"])
    def test_a_sign_in_that_would_go_unused_is_refused(self, key):
        value = {"sasl": {"username": "u", "password": "p"}, "tls": {}}[key]
        assert words(dead_letters=DEAD | {key: value}) == (
            f"dead_letters.{key} needs dead_letters.bootstrap_servers: without that the source's connection is used"
        )

    def test_a_password_is_not_shown(self):
        sasl = Sasl(username="u", password=SecretStr("hunter2"))
        assert "hunter2" not in f"{sasl} {sasl!r} {sasl.model_dump_json()}"

    def test_a_password_is_not_shown_in_an_error(self):
        assert "hunter2" not in words(source=SOURCE | {"sasl": {"password": "hunter2"}})

    def test_certificate_and_key_go_together(self):
        with pytest.raises(ValidationError, match="certificate_file and key_file go together"):
            Tls.model_validate({"certificate_file": "client.pem"})

    def test_a_sink_has_no_group(self):
        with pytest.raises(ValidationError) as caught:
            KafkaSinkSettings.model_validate(SINK | {"group": "g"})
        assert in_words(caught.value) == "group: there is no such key"
