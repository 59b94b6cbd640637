import ssl

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError, UnknownError

from scoring.errors import ConfigurationError
from stream_worker.kafka_client import connection_options, in_words
from stream_worker.settings import KafkaConnection


def connection(**more):
    return KafkaConnection.model_validate({"bootstrap_servers": "a:1, b:2"} | more)


def test_plain():
    options = connection_options(connection())
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert (options["security_protocol"], options["ssl_context"]) == ("PLAINTEXT", None)
    assert "sasl_mechanism" not in options


def test_signed_in_and_encrypted():
    sasl = {"mechanism": "SCRAM-SHA-512", "username": "u", "password": "p"}
    options = connection_options(connection(sasl=sasl, tls={}))
    assert options["security_protocol"] == "SASL_SSL"
    assert (options["sasl_mechanism"], options["sasl_plain_username"], options["sasl_plain_password"]) == (
        "SCRAM-SHA-512",
        "u",
        "p",
    )
    context = options["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_signed_in_over_a_plain_connection():
    assert connection_options(connection(sasl={"username": "u", "password": "p"}))["security_protocol"] == (
        "SASL_PLAINTEXT"
    )


@pytest.mark.parametrize("key", ["ca_file", "certificate_file"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_loaded_is_told_in_words(tmp_path, content, key):
    path = tmp_path / "some.pem"
    if content is not None:
        path.write_text(content)
    tls = {key: str(path)} | ({"key_file": str(path)} if key == "certificate_file" else {})
    with pytest.raises(ConfigurationError, match=rf"^tls: cannot load {path}: \w"):
        connection_options(connection(tls=tls))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer in time"),
        (KafkaConnectionError("Unable to bootstrap from a:1"), "Unable to bootstrap from a:1"),
        (TopicAuthorizationFailedError("tx"), "[Error 29] TopicAuthorizationFailedError: tx"),
        (UnknownError(), "[Error -1] UnknownError"),
        (OSError("broken pipe"), "OSError: broken pipe"),
    ],
)
def test_errors_in_words(error, words):
    assert in_words(error) == words
