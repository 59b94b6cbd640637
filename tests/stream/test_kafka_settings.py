"""The settings of the Kafka endpoint of Event Hubs: what is filled in, and every mistake in words."""

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from scoring.errors import ConfigurationError
from scoring.validation import in_words
from stream_worker import StreamSettings
from weir.settings import load_settings

HOST = "contoso.servicebus.windows.net"
KEY = "SharedAccessKeyName=weir;SharedAccessKey=c2VjcmV0LWtleQ=="
STRING = f"Endpoint=sb://{HOST}/;{KEY}"
SOURCE = {"kind": "kafka", "flavour": "event_hubs", "bootstrap_servers": HOST, "topic": "events", "group": "g"}
BY_KEY = {key: value for key, value in SOURCE.items() if key != "bootstrap_servers"} | {"connection_string": STRING}
SINK = {"kind": "kafka", "topic": "predictions"}
DEAD = {"kind": "kafka", "topic": "dead"}
WHOLE = {"source": SOURCE, "sink": SINK, "dead_letters": DEAD}
ELSEWHERE = {"bootstrap_servers": "localhost:9092"}


def stream(**more):
    return StreamSettings.model_validate(WHOLE | more)


def words(**more):
    with pytest.raises(ValidationError) as caught:
        stream(**more)
    text = in_words(caught.value)
    assert "c2VjcmV0" not in text
    return text


class TestTheAddress:
    @pytest.mark.parametrize("given", [HOST, f"{HOST}:9093"])
    def test_the_port_is_filled_in(self, given):
        assert stream(source=SOURCE | {"bootstrap_servers": given}).source.bootstrap_servers == f"{HOST}:9093"

    def test_another_port_is_kept(self):
        assert stream(source=SOURCE | {"bootstrap_servers": f"{HOST}:443"}).source.bootstrap_servers == f"{HOST}:443"

    @pytest.mark.parametrize("endpoint", [f"sb://{HOST}/", f"sb://{HOST}", f"sb://{HOST}:5671/", f" SB://{HOST}/ "])
    def test_it_is_that_of_the_connection_string(self, endpoint):
        source = stream(source=BY_KEY | {"connection_string": f"endpoint={endpoint};{KEY};"}).source
        assert source.bootstrap_servers == f"{HOST}:9093"

    def test_what_is_given_beside_a_connection_string_wins(self):
        source = stream(source=BY_KEY | {"bootstrap_servers": "10.0.0.1"}).source
        assert source.bootstrap_servers == "10.0.0.1:9093"

    def test_none_at_all(self):
        assert words(source=BY_KEY | {"connection_string": None}) == "source.bootstrap_servers: is missing"

    def test_several(self):
        assert words(source=SOURCE | {"bootstrap_servers": "a:1,b:2"}).startswith(
            f"source.bootstrap_servers: expected one host, such as {HOST}"
        )

    @pytest.mark.parametrize("given", ["", "a b", f"sb://{HOST}", "a:0"])
    def test_one_that_is_none(self, given):
        assert words(source=SOURCE | {"bootstrap_servers": given}).startswith("source.bootstrap_servers: expected")


class TestTheSignIn:
    @pytest.mark.parametrize(
        "string",
        [
            "",
            "secret",
            KEY,
            f"Endpoint=sb://{HOST}/",
            f"Endpoint={HOST};{KEY}",
            f"Endpoint=sb://{HOST}/;SharedAccessKeyName=weir;SharedAccessSignature=c2VjcmV0",
        ],
    )
    def test_a_connection_string_that_is_none(self, string):
        assert words(source=BY_KEY | {"connection_string": string}) == (
            "source.connection_string: expected Endpoint=sb://host/;SharedAccessKeyName=...;SharedAccessKey=..."
        )

    def test_a_connection_string_for_another_cluster(self):
        assert words(source=BY_KEY | ELSEWHERE | {"flavour": None}) == (
            "source.connection_string: goes with flavour: event_hubs only; another cluster is signed in to with sasl"
        )

    def test_another_sign_in(self):
        assert words(source=SOURCE | {"sasl": {"username": "u", "password": "p"}}) == (
            "source.sasl: flavour event_hubs signs in with connection_string, or with the machine's identity"
        )

    def test_a_certificate_of_our_own(self):
        assert words(source=SOURCE | {"tls": {"certificate_file": "a.pem", "key_file": "b.pem"}}) == (
            "source.tls: Event Hubs knows no clients by their certificates; give ca_file alone, or nothing"
        )

    def test_certificates_to_trust(self):
        assert str(stream(source=SOURCE | {"tls": {"ca_file": "a.pem"}}).source.tls.ca_file) == "a.pem"

    def test_a_flavour_that_is_none(self):
        assert words(source=BY_KEY | ELSEWHERE | {"flavour": "eventhubs"}) == (
            "source.flavour: Input should be 'event_hubs' (found 'eventhubs')"
        )

    def test_a_key_is_not_shown(self):
        source = stream(source=BY_KEY).source
        assert "c2VjcmV0" not in f"{source} {source!r} {source.model_dump_json()}"


class TestAKeyForOneHub:
    STRING = f"{STRING};EntityPath=events"

    def test_it_reads_that(self):
        everything = {"sink": SINK | ELSEWHERE, "dead_letters": DEAD | ELSEWHERE}
        assert stream(source=BY_KEY | {"connection_string": self.STRING}, **everything).source.entity == "events"

    def test_it_reads_no_other(self):
        assert words(source=BY_KEY | {"connection_string": self.STRING, "topic": "others"}) == (
            "source.topic: the connection_string is for 'events' alone, by its EntityPath (found 'others')"
        )

    def test_the_sinks_cannot_share_it(self):
        assert words(source=BY_KEY | {"connection_string": self.STRING}) == (
            "sink.topic: the connection_string is for 'events' alone, by its EntityPath (found 'predictions')"
        )


class TestItsLimits:
    def test_what_is_fine_as_it_is(self):
        fine = stream()
        assert (fine.source.session_timeout_s, fine.sink.compression, fine.sink.batch_bytes) == (30, "none", 900_000)

    @pytest.mark.parametrize("seconds", [1, 5.9])
    def test_a_session_that_is_too_short(self, seconds):
        assert words(source=SOURCE | {"session_timeout_s": seconds}) == (
            f"source.session_timeout_s: Event Hubs takes 6 to 300 s (found {seconds})"
        )

    @pytest.mark.parametrize("compression", ["snappy", "lz4", "zstd"])
    @pytest.mark.parametrize("name", ["sink", "dead_letters"])
    def test_a_compression_that_it_does_not_know(self, name, compression):
        assert words(**{name: WHOLE[name] | {"compression": compression}}) == (
            f"{name}.compression: Event Hubs refuses all but none and gzip (found '{compression}')"
        )

    def test_gzip(self):
        assert stream(sink=SINK | {"compression": "gzip"}).sink.compression == "gzip"

    def test_a_batch_that_is_too_large(self):
        assert words(sink=SINK | {"batch_bytes": 1_000_001}) == (
            "sink.batch_bytes: Event Hubs takes requests of 1,000,000 bytes at most (found 1,000,001)"
        )

    def test_another_cluster_has_none_of_them(self):
        other = SINK | ELSEWHERE | {"compression": "zstd", "batch_bytes": 2_000_000}
        assert stream(sink=other).sink.compression == "zstd"

    def test_a_sink_of_its_own_has_them_too(self):
        own = SINK | {"flavour": "event_hubs", "connection_string": STRING, "compression": "zstd"}
        source = {"kind": "kafka", "topic": "events", "group": "g"} | ELSEWHERE
        assert words(source=source, sink=own, dead_letters=DEAD).startswith("sink.compression: Event Hubs refuses")

    @pytest.mark.parametrize(("given", "taken"), [({}, 500), ({"commit_interval_ms": 5}, 500)])
    def test_positions_are_not_committed_too_often(self, given, taken):
        assert stream(**given).commit_interval_ms == taken

    def test_they_may_be_committed_less_often(self):
        assert stream(commit_interval_ms=2000).commit_interval_ms == 2000
        plain = {key: value for key, value in SOURCE.items() if key != "flavour"} | ELSEWHERE
        assert stream(source=plain).commit_interval_ms == 200

    @pytest.mark.parametrize("own", [True, False])
    def test_it_has_no_transactions(self, own):
        plain = {"kind": "kafka", "topic": "events", "group": "g"} | ELSEWHERE
        parts = (
            {"source": plain, "sink": SINK | {"flavour": "event_hubs", "bootstrap_servers": HOST}}
            if own
            else {"source": SOURCE}
        )
        assert words(delivery="exactly_once", **parts) == (
            "delivery: exactly_once needs transactions, which Event Hubs has not; use at_least_once"
        )


class TestSinks:
    def test_one_without_a_connection_takes_the_sources(self):
        whole = stream(source=BY_KEY)
        assert whole.kafka_connection(whole.sink) is whole.source

    def test_one_may_have_its_own(self):
        whole = stream(sink=SINK | {"flavour": "event_hubs", "connection_string": STRING.replace("contoso", "other")})
        assert whole.kafka_connection(whole.sink).bootstrap_servers == HOST.replace("contoso", "other") + ":9093"

    def test_a_flavour_without_an_address_is_refused(self):
        assert words(sink=SINK | {"flavour": "event_hubs"}) == (
            "sink.flavour needs sink.bootstrap_servers: without that the source's connection is used"
        )

    @pytest.mark.parametrize("address", [{"bootstrap_servers": HOST.upper()}, {"connection_string": STRING}])
    def test_none_may_write_what_is_read(self, address):
        assert words(sink={"kind": "kafka", "flavour": "event_hubs", "topic": "events"} | address) == (
            "sink.topic is the topic that is read, 'events': it would feed on itself"
        )

    def test_none_may_write_what_is_read_by_the_other_door(self):
        assert words(sink={"kind": "event_hubs", "hub": "events", "namespace": HOST}) == (
            "sink.hub is the hub that is read, 'events': it would feed on itself"
        )


class TestTheFile:
    """As the worker reads it: the key comes from the environment."""

    @pytest.fixture
    def path(self, tmp_path):
        content = {"deployments": [{"name": "fraud", "model": "fraud"}], "stream": WHOLE | {"source": dict(BY_KEY)}}
        del content["stream"]["source"]["connection_string"]
        path = tmp_path / "weir.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    def test_a_connection_string_from_the_environment(self, path, monkeypatch):
        monkeypatch.setenv("WEIR__STREAM__SOURCE__CONNECTION_STRING", STRING)
        source = load_settings(path).stream.source
        assert (source.connection_string, source.bootstrap_servers) == (SecretStr(STRING), f"{HOST}:9093")

    def test_without_it(self, path):
        with pytest.raises(ConfigurationError) as caught:
            load_settings(path)
        assert str(caught.value) == f"{path}: stream.source.bootstrap_servers: is missing"

    def test_one_in_the_file_is_refused(self, path):
        path.write_text(path.read_text().replace("flavour:", f"connection_string: {STRING}\n    flavour:"))
        with pytest.raises(ConfigurationError) as caught:
            load_settings(path)
        assert str(caught.value) == (
            f"{path}: stream.source.connection_string is a secret; "
            "set it as WEIR__STREAM__SOURCE__CONNECTION_STRING in the environment"
        )
