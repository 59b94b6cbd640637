import asyncio
import base64
import json
import time
from unittest.mock import Mock

import pytest
from azure.core.credentials import AccessToken
from azure.eventhub import EventData
from azure.eventhub._pyamqp import cbs
from azure.eventhub._pyamqp.utils import generate_sas_token, utc_now
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from tests.emulators.clients import QUICK, consumer, producer, receiving


@pytest.fixture
def hub(event_hubs):
    return event_hubs.create_hub("transactions", 1)


def with_connection_string(text, **options):
    return EventHubProducerClient.from_connection_string(text, **QUICK | {"retry_total": 0} | options)


async def refusal(client):
    async with client:
        with pytest.raises(AuthenticationError) as error:
            await client.send_event(EventData("x"))
    return str(error.value)


async def test_a_wrong_key_and_a_wrong_name_are_refused(event_hubs, hub):
    right = event_hubs.connection_string(hub)
    for wrong in (right.replace(event_hubs.key, "guessed"), right.replace("KeyName=weir", "KeyName=else")):
        text = await refusal(with_connection_string(wrong))
        assert "Status code: 401" in text
        assert "InvalidSignature: The token has an invalid signature. TrackingId:" in text
    assert event_hubs.count(hub) == 0
    assert {token.status for token in event_hubs.put_tokens} == {401}


async def test_a_client_whose_clock_is_late_is_refused(event_hubs, hub):
    event_hubs.advance_clock(3_700)
    assert "ExpiredToken: The token is expired." in await refusal(
        with_connection_string(event_hubs.connection_string(hub))
    )


def signature(event_hubs, audience, **options):
    return generate_sas_token(audience, "weir", event_hubs.key, **options)


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ("sb://{namespace}/transactions", ""),
        ("sb://{namespace}", ""),
        ("sb://{namespace}/trans", "InvalidAudience: The token is for"),
        ("sb://{namespace}/other", "InvalidAudience: The token is for"),
        ("sb://elsewhere.example/transactions", "InvalidAudience: The audience 'sb://elsewhere.example"),
    ],
)
async def test_a_signature_is_for_what_it_names(event_hubs, hub, audience, expected):
    token = signature(event_hubs, audience.format(namespace=event_hubs.namespace))
    text = f"Endpoint=sb://{event_hubs.namespace};SharedAccessSignature={token};EntityPath={hub}"
    client = with_connection_string(f"{text};UseDevelopmentEmulator=true")
    if expected:
        assert expected in await refusal(client)
        return
    async with client:
        await client.send_event(EventData("x"))
    assert event_hubs.count(hub) == 1


class Bearer:
    """A credential that hands out one token."""

    def __init__(self, token, seconds=3600):
        self.token, self.seconds = token, seconds

    async def get_token(self, *scopes, **_):
        assert scopes == ("https://eventhubs.azure.net//.default",)
        return AccessToken(self.token, int(time.time()) + self.seconds)


def jwt(expires_in):
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + expires_in}).encode()).decode().rstrip("=")
    return f"e30.{claims}.signature"


def with_bearer(event_hubs, hub, token, **options):
    return EventHubProducerClient(
        event_hubs.namespace, hub, Bearer(token), use_tls=False, **QUICK | {"retry_total": 0} | options
    )


async def test_bearer_tokens_are_those_that_the_test_has_listed(event_hubs, hub):
    token, expired, unlisted = jwt(3600), jwt(-1), jwt(7200)
    event_hubs.accepted_jwts.update((token, expired, "opaque"))
    for accepted in (token, "opaque"):
        async with with_bearer(event_hubs, hub, accepted) as client:
            await client.send_event(EventData("x"))
    assert "ExpiredToken" in await refusal(with_bearer(event_hubs, hub, expired))
    assert "InvalidToken" in await refusal(with_bearer(event_hubs, hub, unlisted))
    first, second, *others = event_hubs.put_tokens
    assert (first.kind, first.audience) == ("jwt", f"sb://{event_hubs.namespace}/{hub}")
    assert (first.token, second.token) == (token, "opaque")
    assert (first.expires_on, second.expires_on) == (pytest.approx(time.time() + 3600, abs=60), None)
    assert (first.status, second.status, {other.status for other in others}) == (202, 202, {401})


async def test_a_hub_that_does_not_exist_is_found_out_at_the_link_with_a_bearer_token(event_hubs):
    event_hubs.accepted_jwts.add("opaque")
    async with with_bearer(event_hubs, "missing", "opaque") as client:
        with pytest.raises(EventHubError, match="/missing' could not be found"):
            await client.create_batch()
    assert [link.condition for link in event_hubs.refused_links] == [b"amqp:not-found"]


async def test_a_token_is_renewed_on_the_same_link_before_it_expires(event_hubs, hub, monkeypatch):
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0") as received:
        while not event_hubs.receivers(hub):
            await asyncio.sleep(0.01)
        before = len(event_hubs.put_tokens)
        late = utc_now() + (utc_now() - utc_now()).resolution * 3_300_000_000  # 55 minutes
        monkeypatch.setattr(cbs, "utc_now", Mock(return_value=late))  # what the SDK looks at to see whether it is time
        while len(event_hubs.put_tokens) == before:
            await asyncio.sleep(0.01)
        monkeypatch.setattr(cbs, "utc_now", utc_now)
        event_hubs.append(hub, 0, b"after")
        await received.until(1)
    assert event_hubs.put_tokens[-1].status == 202
    assert not received.errors


async def test_links_end_with_the_token_and_the_client_brings_another(event_hubs, hub):
    async with producer(event_hubs, hub) as client:
        await client.send_event(EventData("before"))
        event_hubs.advance_clock(3_700)
        while event_hubs.links(hub):
            await asyncio.sleep(0.01)
        event_hubs.advance_clock(-3_700)
        await client.send_event(EventData("after"))
    assert [event.body for event in event_hubs.events(hub, 0)] == [b"before", b"after"]


async def test_without_a_token_for_it_an_entity_is_closed(event_hubs, hub):
    event_hubs.create_hub("other", 1)
    event_hubs.accepted_jwts.add("opaque")
    client = with_bearer(event_hubs, hub, "opaque")
    client._auth_uri = f"sb://{event_hubs.namespace}/other"
    async with client:
        with pytest.raises(EventHubError, match="Unauthorized access"):
            await client.send_event(EventData("x"))
    assert "'Send' claim(s) are required" in event_hubs.refused_links[0].description


async def test_a_receiver_that_is_refused_when_it_comes_back_does_not_say_so(event_hubs, hub):
    """The SDK's own gap: a receiver whose link cannot be opened tries again for ever, and reports nothing."""
    async with consumer(event_hubs, hub) as client, receiving(client, partition_id="0") as received:
        while not event_hubs.receivers(hub):
            await asyncio.sleep(0.01)
        before = len(event_hubs.put_tokens)
        event_hubs.refuse_tokens()
        event_hubs.drop_connections()
        while len(event_hubs.put_tokens) < before + 10:
            await asyncio.sleep(0.01)
        assert not received.errors
        event_hubs.refuse_tokens(refuse=False)
        event_hubs.append(hub, 0, b"x")
        await received.until(1)
