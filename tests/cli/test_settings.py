"""One file, the environment on top of it, and the words for all that can be wrong with either."""

import os
from operator import attrgetter
from pathlib import Path

import pytest
import yaml

from scoring.errors import ConfigurationError
from weir.settings import Settings, load_settings

KAFKA = {"kind": "kafka", "bootstrap_servers": "localhost:9092"}
WHOLE = {
    "store": "./store",
    "deployments": [{"name": "blue", "model": "fraud@champion"}],
    "stream": {
        "source": {**KAFKA, "topic": "transactions", "group": "fraud-scoring"},
        "sink": {"kind": "kafka", "topic": "predictions"},
        "dead_letters": {"kind": "kafka", "topic": "transactions.dead"},
    },
}
BLUE = {"name": "blue", "model": "fraud@champion"}
GREEN = {"name": "green", "model": "fraud@challenger"}
MIRROR = {"name": "shadow", "model": "fraud:7", "mirror": 10}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for name in list(os.environ):
        if name.startswith("WEIR"):
            monkeypatch.delenv(name)


@pytest.fixture
def load(tmp_path):
    def write_and_load(content):
        path = tmp_path / "weir.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return load_settings(path)

    return write_and_load


@pytest.fixture
def words(load, tmp_path):
    def refused(content):
        with pytest.raises(ConfigurationError) as caught:
            load(content)
        return str(caught.value).replace(str(tmp_path / "weir.yaml"), "weir.yaml")

    return refused


def changed(**stream):
    return WHOLE | {"stream": WHOLE["stream"] | stream}


def test_a_whole_file(load):
    settings = load(WHOLE)
    assert settings.store == Path("store")
    assert settings.deployments[0].traffic == 100
    assert not settings.deployments[0].allow_uncertified
    assert str(settings.deployments[0].reference) == "fraud@champion"
    assert settings.stream.source.group == "fraud-scoring"


def test_without_a_stream(load):
    assert load({"deployments": WHOLE["deployments"]}).stream is None


class TestTheFile:
    def test_is_missing(self, tmp_path):
        path = tmp_path / "nowhere.yaml"
        with pytest.raises(ConfigurationError) as caught:
            load_settings(path)
        assert str(caught.value) == f"no configuration file {path}"

    def test_is_a_folder(self, tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            load_settings(tmp_path)
        assert str(caught.value) == f"cannot read {tmp_path}: Is a directory"

    def test_is_not_text(self, tmp_path):
        path = tmp_path / "weir.yaml"
        path.write_bytes(b"store: \xff")
        with pytest.raises(ConfigurationError, match=r"weir.yaml is not YAML: byte 7 is not UTF-8"):
            load_settings(path)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("a: [1", "line 1, column 6: expected ',' or ']', but got '<stream end>'"),
            ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
            ("a: 1\n\tb: 2", "line 2, column 1: found character '\\t' that cannot start any token"),
            ("a: \x07", "special characters are not allowed"),
            ("a: !!python/object:os.system x", "line 1, column 4: could not determine a constructor for the tag"),
        ],
    )
    def test_is_not_yaml(self, words, content, expected):
        assert words(content).startswith(f"weir.yaml is not YAML: {expected}")

    def test_is_not_quoted_where_it_is_not_yaml(self, words):
        assert "hunter2" not in words("password: hunter2: x")

    @pytest.mark.parametrize("content", ["", "- 1", "text", "5"])
    def test_holds_no_mapping(self, words, content):
        assert words(content) == "weir.yaml: expected a mapping of keys such as store, deployments and stream"


class TestKeys:
    @pytest.mark.parametrize("key", ["strem", "_env_prefix", "_env_file"])
    def test_one_that_does_not_exist(self, words, key):
        known = ", ".join(Settings.model_fields)
        assert words(WHOLE | {key: 1}) == f"weir.yaml: {key}: there is no such key; known are {known}"

    def test_one_that_does_not_exist_further_down(self, words):
        stream = changed(source=WHOLE["stream"]["source"] | {"tpoic": "x"})
        assert words(stream) == "weir.yaml: stream.source.tpoic: there is no such key"

    def test_all_problems_at_once(self, words):
        source = {"kind": "kafka", "bootstrap_servers": "localhost", "topic": 5}
        told = words(changed(source=source, batch={"max_events": 0}))
        assert "stream.source.bootstrap_servers: expected host:port" in told
        assert "stream.source.topic: Input should be a valid string (found 5)" in told
        assert "stream.source.group: is missing" in told
        assert "stream.batch.max_events: Input should be greater than or equal to 1 (found 0)" in told

    def test_the_same_topic_twice(self, words):
        dead = {"kind": "kafka", "topic": "predictions"}
        assert words(changed(dead_letters=dead)) == (
            "weir.yaml: stream: sink.topic and dead_letters.topic are both 'predictions'"
        )


class TestDeployments:
    @pytest.mark.parametrize("content", [{}, {"deployments": None}, {"deployments": []}])
    def test_there_must_be_one(self, words, content):
        assert words(content | {"store": "s"}).startswith("weir.yaml: deployments: ")

    def test_several_share_the_traffic_and_mirrors_have_none(self, load):
        settings = load({"deployments": [BLUE | {"traffic": 70}, GREEN | {"traffic": 30, "mirror": 5}, MIRROR]})
        assert [(one.traffic, one.mirror) for one in settings.deployments] == [(70, 0), (30, 5), (0, 10)]

    def test_of_several_each_says_its_share(self, words):
        assert words({"deployments": [BLUE, GREEN]}) == "weir.yaml: deployments: traffic must sum to 100, not 0"

    def test_names_differ(self, words):
        told = words({"deployments": [BLUE | {"traffic": 50}, BLUE | {"traffic": 50}]})
        assert told == "weir.yaml: deployments: names must differ, not ['blue', 'blue']"

    def test_traffic_must_sum_to_a_hundred(self, words):
        deployments = [{"name": "blue", "model": "fraud", "traffic": 90}]
        assert words({"deployments": deployments}) == "weir.yaml: deployments: traffic must sum to 100, not 90"

    @pytest.mark.parametrize("traffic", [-1, 101, 50.5])
    def test_traffic_is_percent(self, words, traffic):
        told = words({"deployments": [{"name": "blue", "model": "fraud", "traffic": traffic}]})
        assert told.startswith("weir.yaml: deployments.0.traffic: Input should be")

    def test_a_reference_that_is_none(self, load):
        settings = load({"deployments": [{"name": "blue", "model": "fraud@"}]})
        with pytest.raises(ConfigurationError, match="fraud@"):
            _ = settings.deployments[0].reference


class TestTheEnvironment:
    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("WEIR__STREAM__SOURCE__TOPIC", "other", ("source.topic", "other")),
            ("weir__stream__source__topic", "other", ("source.topic", "other")),
            ("WEIR__STREAM__SOURCE__TOPIC", "123", ("source.topic", "123")),
            ("WEIR__STREAM__BATCH__MAX_EVENTS", "7", ("batch.max_events", 7)),
            ("WEIR__STREAM__BATCH", '{"max_events": 7}', ("batch.max_events", 7)),
            ("WEIR__STREAM__HEALTH__PORT", "0", ("health.port", 0)),
            ("WEIR__STREAM__HEALTH", "null", ("health", None)),
        ],
    )
    def test_it_wins_over_the_file(self, load, monkeypatch, name, value, expected):
        monkeypatch.setenv(name, value)
        attribute, wanted = expected
        assert attrgetter(attribute)(load(WHOLE).stream) == wanted

    def test_the_rest_of_the_file_stays(self, load, monkeypatch):
        monkeypatch.setenv("WEIR__STREAM__SOURCE__TOPIC", "other")
        monkeypatch.setenv("WEIR__STORE", "/models")
        settings = load(WHOLE)
        assert (settings.store, settings.stream.source.group) == (Path("/models"), "fraud-scoring")

    def test_deployments_are_one_json_list(self, load, words, monkeypatch):
        monkeypatch.setenv("WEIR__DEPLOYMENTS", '[{"name": "green", "model": "fraud:3"}]')
        assert load(WHOLE).deployments[0].name == "green"
        monkeypatch.setenv("WEIR__DEPLOYMENTS", "[{")
        assert words(WHOLE) == "WEIR__DEPLOYMENTS of the environment: expected JSON"

    def test_one_deployment_cannot_be_changed_alone(self, words, monkeypatch):
        monkeypatch.setenv("WEIR__DEPLOYMENTS__0__MODEL", "fraud:3")
        assert words(WHOLE) == (
            "weir.yaml with WEIR__DEPLOYMENTS__0__MODEL of the environment: deployments: expected a list; "
            "in the environment, one JSON list in WEIR__DEPLOYMENTS"
        )

    def test_a_key_that_does_not_exist(self, words, monkeypatch):
        monkeypatch.setenv("WEIR__STROE", "x")
        assert words(WHOLE).startswith("WEIR__STROE of the environment: there is no such key; known are store, ")

    def test_a_key_that_does_not_exist_further_down(self, words, monkeypatch):
        monkeypatch.setenv("WEIR__STREAM__SOURCE__TPOIC", "x")
        assert words(WHOLE) == (
            "weir.yaml with WEIR__STREAM__SOURCE__TPOIC of the environment: stream.source.tpoic: there is no such key"
        )

    def test_a_value_that_is_wrong_names_the_variable(self, words, monkeypatch):
        monkeypatch.setenv("WEIR__STREAM__SOURCE__TOPIC", "a b")
        assert words(WHOLE).startswith("weir.yaml with WEIR__STREAM__SOURCE__TOPIC of the environment: stream.source")

    def test_other_variables_are_nobodys(self, load, monkeypatch):
        monkeypatch.setenv("WEIR_TRACE", "1")
        monkeypatch.setenv("WEIR_SERVICE_HOST", "10.0.0.1")
        assert load(WHOLE).store == Path("store")


class TestSecrets:
    SIGNED_IN = changed(source=WHOLE["stream"]["source"] | {"sasl": {"username": "u"}})

    def test_the_file_may_not_hold_one(self, words):
        source = WHOLE["stream"]["source"] | {"sasl": {"username": "u", "password": "hunter2"}}
        assert words(changed(source=source)) == (
            "weir.yaml: stream.source.sasl.password is a secret; "
            "set it as WEIR__STREAM__SOURCE__SASL__PASSWORD in the environment"
        )

    @pytest.mark.parametrize("key", ["primary_key", "secondary_key"])
    def test_the_http_door_has_some_too(self, words, key):
        assert words(WHOLE | {"http": {"auth": {key: "hunter2"}}}) == (
            f"weir.yaml: http.auth.{key} is a secret; set it as WEIR__HTTP__AUTH__{key.upper()} in the environment"
        )

    @pytest.mark.parametrize("secret", ["hunter2", "12345", "true", "null", '{"a": 1}', "[1", " "])
    def test_the_environment_gives_keys_as_they_are(self, load, monkeypatch, secret):
        monkeypatch.setenv("WEIR__HTTP__AUTH__PRIMARY_KEY", secret)
        http = load(WHOLE).http
        assert http.auth.primary_key.get_secret_value() == secret
        assert "hunter2" not in repr(http)

    @pytest.mark.parametrize("secret", ["hunter2", "12345", "true", "null", '{"a": 1}', "[1", " "])
    def test_the_environment_gives_it_as_it_is(self, load, monkeypatch, secret):
        monkeypatch.setenv("WEIR__STREAM__SOURCE__SASL__PASSWORD", secret)
        assert load(self.SIGNED_IN).stream.source.sasl.password.get_secret_value() == secret

    def test_it_is_missing(self, words):
        assert words(self.SIGNED_IN) == "weir.yaml: stream.source.sasl.password: is missing"

    def test_it_is_not_shown(self, load, words, monkeypatch):
        monkeypatch.setenv("WEIR__STREAM__SOURCE__SASL__PASSWORD", "hunter2")
        assert "hunter2" not in repr(load(self.SIGNED_IN))
        monkeypatch.setenv("WEIR__STREAM__SOURCE__TOPIC", "a b")
        assert "hunter2" not in words(self.SIGNED_IN)
