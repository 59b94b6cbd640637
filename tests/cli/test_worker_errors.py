"""What goes wrong with `python -m weir worker`: in words that name the key or the file, in a bound, without a trace."""

import re
import socket
import time

import pytest
import yaml

from models import LocalStore
from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.running import weir
from tests.models.graphs import payments, payments_manifest
from tests.stream.kafka import closed_port

BOUND_S = 40.0


@pytest.fixture
def refused(tmp_path):
    def run(content, *arguments, bound=15, **environment):
        if content is not None:
            text = content if isinstance(content, str) else yaml.safe_dump(content)
            (tmp_path / "weir.yaml").write_text(text)
        started = time.monotonic()
        done = weir("worker", *arguments, cwd=tmp_path, **environment)
        assert time.monotonic() - started < bound
        assert done.returncode in {1, 2}
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        [error] = {line for line in done.stderr.splitlines() if line.startswith("error: ")}
        return done.returncode, error.removeprefix("error: ")

    return run


def test_no_configuration_file(refused):
    assert refused(None, "--config", "my.yaml") == (2, "no configuration file my.yaml")


def test_a_file_that_is_not_yaml(refused):
    code, error = refused("store: [")
    assert (code, error.split(": expected")[0]) == (2, "weir.yaml is not YAML: line 1, column 9")


def test_a_key_that_does_not_exist(refused, tmp_path):
    code, error = refused(configuration(tmp_path, stream__source__tpoic="x"))
    assert (code, error) == (2, "weir.yaml: stream.source.tpoic: there is no such key")


def test_a_variable_that_does_not_exist(refused, tmp_path):
    code, error = refused(configuration(tmp_path), WEIR__STRAEM__BATCH="{}")
    assert (code, error.split(";")[0]) == (2, "WEIR__STRAEM__BATCH of the environment: there is no such key")


def test_no_stream(refused, tmp_path):
    settings = configuration(tmp_path)
    del settings["stream"]
    code, error = refused(settings)
    assert (code, error.split(":")[:2]) == (2, ["weir.yaml", " stream is missing"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"store": "elsewhere"}, "elsewhere"),
        ({"deployments": [{"name": "blue", "model": "cards"}]}, "cards"),
        ({"deployments": [{"name": "blue", "model": "payments:7"}]}, "payments:7|version 7"),
        ({"deployments": [{"name": "blue", "model": "payments@champion"}]}, "champion"),
        ({"deployments": [{"name": "blue", "model": "Payments!"}]}, "Payments!"),
    ],
)
def test_no_such_model(refused, tmp_path, changes, expected):
    code, error = refused(configuration(tmp_path, **changes))
    assert code == 2
    assert re.search(expected, error)


def test_no_such_model_for_several_processes(refused, tmp_path):
    deployments = [{"name": "blue", "model": "cards"}]
    code, error = refused(configuration(tmp_path, deployments=deployments), "--workers", "2")
    assert (code, "cards" in error) == (2, True)


def test_several_deployments(refused, tmp_path):
    blue, green = {"name": "blue", "model": "payments"}, {"name": "green", "model": "payments:1", "mirror": 10}
    code, error = refused(configuration(tmp_path, deployments=[blue | {"traffic": 100}, green]))
    assert (code, error) == (
        2,
        "deployments: a worker serves one, not blue, green; give each a worker of its own",
    )


def test_a_model_without_a_certificate(refused, tmp_path):
    LocalStore(tmp_path / "store").add(payments_manifest(certificate=None), payments())
    code, error = refused(configuration(tmp_path))
    assert code == 2
    assert error.startswith("payments:1 has no certificate: convert it again, or set allow_uncertified")


def test_no_broker(refused, tmp_path):
    servers = f"127.0.0.1:{closed_port()}"
    code, error = refused(configuration(tmp_path, servers), bound=BOUND_S)
    assert code == 1
    assert error.startswith(f"dead_letters: Kafka at {servers} does not answer: ")


def test_a_health_port_that_is_taken(refused, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, error = refused(configuration(tmp_path, stream__health__port=port))
    assert (code, error) == (2, f"stream.health: cannot listen on 127.0.0.1:{port}: Address already in use")


@pytest.mark.parametrize("key", ["source", "sink", "dead_letters"])
def test_a_topic_that_does_not_exist(refused, tmp_path, apache_kafka, key):
    settings = configuration(tmp_path, apache_kafka.bootstrap_servers)
    for other in {"source", "sink", "dead_letters"} - {key}:
        settings["stream"][other]["topic"] = apache_kafka.create_topic(unique_topic(), 1)
    settings["stream"][key]["topic"] = "nowhere"
    code, error = refused(settings, bound=BOUND_S)
    expected = f"{key}: Kafka at {apache_kafka.bootstrap_servers} has no topic 'nowhere' ({key}.topic)"
    assert (code, error) == (1, expected)
