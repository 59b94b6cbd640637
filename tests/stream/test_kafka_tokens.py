"""Tokens of the machine's identity: from a fake one, and from azure-identity itself with a service of our own."""

import asyncio
import os
import threading
import time

import pytest
from aiokafka.errors import KafkaError

from stream_worker.fakes import hang
from stream_worker.kafka.tokens import IdentityTokens, TokenError
from tests.stream.secured import Identity, app_service

HOST = "contoso.servicebus.windows.net"


def tokens(identity):
    return IdentityTokens(HOST, credential=lambda: identity)


async def refusal(source):
    with pytest.raises(TokenError) as caught:
        await source.token()
    assert isinstance(caught.value, KafkaError)  # of any other kind the client's background tasks die
    assert caught.value.retriable
    assert caught.value.args[0] == source.problem
    return source.problem


class TestFromAnIdentity:
    async def test_a_token_is_for_the_namespace(self):
        identity = Identity()
        assert (await tokens(identity).token()).count(".") == 2
        assert identity.scopes == [f"https://{HOST}/.default"]

    async def test_one_that_lasts_serves_several_connections(self):
        identity = Identity(lasts_s=3600)
        source = tokens(identity)
        assert await source.token() == await source.token()
        assert len(identity.scopes) == 1

    async def test_one_with_less_than_five_minutes_left_is_renewed(self):
        identity = Identity(lasts_s=290)
        source = tokens(identity)
        assert await source.token() != await source.token()
        assert len(identity.scopes) == 2

    async def test_nobody_is_asked_before_the_first(self):
        await IdentityTokens(HOST, credential=lambda: pytest.fail("it was opened")).close()

    async def test_the_identity_is_closed_and_opened_again(self):
        opened = []

        def credential():
            opened.append(Identity())
            return opened[-1]

        source = IdentityTokens(HOST, credential=credential)
        for _ in range(2):
            await source.token()
            await source.close()
            await source.close()
        assert [identity.is_open for identity in opened] == [False, False]

    async def test_a_failure_is_told_in_one_line_until_it_is_over(self):
        identity = Identity()
        identity.problem = "AADSTS7000215: Invalid client secret.\nTrace ID: 1\n"
        source = tokens(identity)
        assert await refusal(source) == (
            "no token from this machine's identity: AADSTS7000215: Invalid client secret. Trace ID: 1"
        )
        identity.problem = ""
        await source.token()
        assert source.problem is None

    @pytest.mark.parametrize(
        ("error", "words"), [(KeyError("access_token"), "'access_token'"), (ValueError(), "ValueError")]
    )
    async def test_whatever_fails_is_a_failure_of_the_kind_that_is_tried_again(self, error, words):
        def credential():
            raise error

        assert await refusal(IdentityTokens(HOST, credential=credential)) == (
            f"no token from this machine's identity: {words}"
        )

    async def test_one_that_hangs_is_left_behind_in_a_bound(self, monkeypatch):
        monkeypatch.setattr("stream_worker.kafka.tokens._TOKEN_S", 0.1)
        identity = Identity()
        identity.get_token = lambda *_: hang()
        started = time.monotonic()
        assert await refusal(tokens(identity)) == "no token from this machine's identity: no answer in time"
        assert time.monotonic() - started < 2

    async def test_an_interruption_is_none_of_its_failures(self):
        identity = Identity()
        identity.get_token = lambda *_: hang()
        asking = asyncio.create_task(tokens(identity).token())
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    async def test_one_that_does_not_close_is_left_behind_in_words(self, monkeypatch, caplog):
        monkeypatch.setattr("stream_worker.kafka.tokens._CLOSE_S", 0.1)
        identity = Identity()
        identity.close = hang
        source = tokens(identity)
        await source.token()
        await source.close()
        assert caplog.messages == ["the identity did not close: no answer in time"]


class TestFromAzureIdentity:
    """The real DefaultAzureCredential, in what it takes for an App Service."""

    @pytest.fixture
    def service(self):
        with app_service() as service:
            yield service

    @pytest.fixture
    async def source(self, service):
        source = IdentityTokens(HOST)
        yield source
        await source.close()  # what it leaves open complains when it is collected, and warnings are errors

    async def test_a_token(self, source, service):
        assert (await source.token()).count(".") == 2
        assert await source.token() == await source.token()
        assert service.resources == [f"https://{HOST}"]

    async def test_one_that_has_expired_is_renewed(self, source, service):
        service.answer = lambda: (200, {"access_token": os.urandom(3).hex(), "expires_on": str(int(time.time()))})
        assert await source.token() != await source.token()
        assert len(service.resources) == 2

    async def test_a_service_that_refuses(self, source, service):
        service.answer = lambda: (400, {"error": {"code": "identity_not_found", "message": "there is no identity"}})
        words = await refusal(source)
        assert words.startswith("no token from this machine's identity: DefaultAzureCredential failed")
        assert "there is no identity" in words

    async def test_a_service_that_hangs(self, source, service, monkeypatch):
        monkeypatch.setattr("stream_worker.kafka.tokens._TOKEN_S", 0.3)
        gate = threading.Event()

        def answer():
            gate.wait(5)
            return 200, {"access_token": "late", "expires_on": str(int(time.time()) + 3600)}

        service.answer = answer
        try:
            assert await refusal(source) == "no token from this machine's identity: no answer in time"
        finally:
            gate.set()
