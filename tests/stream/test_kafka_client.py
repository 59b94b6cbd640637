import asyncio
import socket
import ssl
import time

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError, UnknownError

from scoring.errors import ConfigurationError
from stream_worker.kafka.client import Access, connection_options, in_words
from stream_worker.kafka.settings import KafkaConnection
from stream_worker.kafka.tokens import IdentityTokens, TokenError
from tests.stream.kafka import closed_port
from tests.stream.secured import CONNECTION_STRING, Identity


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


class TestEventHubs:
    """The Kafka endpoint of Azure Event Hubs."""

    def test_by_a_connection_string(self):
        options = connection_options(
            connection(flavour="event_hubs", connection_string=CONNECTION_STRING, bootstrap_servers=None)
        )
        assert options["bootstrap_servers"] == ["127.0.0.1:9093"]
        assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "PLAIN")
        assert (options["sasl_plain_username"], options["sasl_plain_password"]) == (
            "$ConnectionString",
            CONNECTION_STRING,
        )
        assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
        assert "sasl_oauth_token_provider" not in options

    def test_by_the_machines_identity(self):
        options = connection_options(
            connection(flavour="event_hubs", bootstrap_servers="contoso.servicebus.windows.net")
        )
        assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
        assert options["sasl_oauth_token_provider"]._scope == "https://contoso.servicebus.windows.net/.default"
        assert "sasl_plain_password" not in options

    def test_what_microsoft_asks_for(self):
        access = Access(connection(flavour="event_hubs", bootstrap_servers="a"))
        asked = {"metadata_max_age_ms": 180_000, "connections_max_idle_ms": 180_000, "request_timeout_ms": 60_000}
        assert {key: access.options[key] for key in asked} == asked
        assert access.largest_request == 1_000_000

    def test_nobody_else_is_given_that(self):
        access = Access(connection())
        assert access.options.keys().isdisjoint({"connections_max_idle_ms", "request_timeout_ms"})
        assert access.largest_request > 16_777_216  # the largest batch that can be set

    async def test_that_there_is_no_token_is_told_with_whatever_failed_for_it(self):
        identity = Identity()
        identity.problem = "it is away"
        access = Access(connection(flavour="event_hubs", bootstrap_servers="a"))
        access._tokens = IdentityTokens("a", credential=lambda: identity)
        assert access.in_words(TimeoutError()) == "no answer in time"
        with pytest.raises(TokenError):
            await access._tokens.token()
        assert access.in_words(TimeoutError()) == (
            "no answer in time; no token from this machine's identity: it is away"
        )


class TestTheObstacle:
    """What keeps us out, found by one connection before the client makes its own."""

    async def found(self, servers, **more):
        return await Access(connection(bootstrap_servers=servers, **more)).obstacle("events", key="sink.topic")

    async def test_there_is_none(self, faulty_broker):
        assert await self.found(faulty_broker.bootstrap_servers) is None

    async def test_one_server_is_enough(self, faulty_broker):
        assert await self.found(f"127.0.0.1:{closed_port()},{faulty_broker.bootstrap_servers}") is None

    async def test_nobody_listens(self):
        assert await self.found(f"127.0.0.1:{closed_port()}") == "does not answer: Connection refused"

    async def test_of_several_servers_the_first_speaks(self, monkeypatch, silent_server):
        monkeypatch.setattr("stream_worker.kafka.client._DIAL_S", 0.1)
        servers = f"{silent_server},127.0.0.1:{closed_port()}"
        assert await self.found(servers) == "does not answer: no answer in time"

    async def test_one_that_is_silent_has_the_time_that_the_caller_gives(self, silent_server):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await self.found(silent_server)
        assert time.monotonic() - started < 2

    async def test_there_is_no_such_host(self, monkeypatch):
        def resolve(*_, **__):
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert await self.found("nowhere:9092") == "does not answer: there is no host 'nowhere'"

    async def test_a_name_that_no_host_can_have(self):
        assert await self.found("no..where:9092") == "does not answer: there is no host 'no..where'"

    async def test_it_does_not_speak_tls(self, faulty_broker):
        assert await self.found(faulty_broker.bootstrap_servers, tls={}) == (
            "does not answer: it closed the connection; does it ask for tls, or for a sign-in?"
        )

    async def test_it_speaks_something_else(self):
        async def answer(_, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            found = await self.found(f"127.0.0.1:{port}", tls={})
        assert found.startswith("does not answer: it does not speak TLS as we do: WRONG_VERSION_NUMBER")
