"""Event Hubs without a key: the real DefaultAzureCredential, in what it takes for an App Service."""

import os
import time

import pytest

from scoring.errors import SinkError
from stream_worker.event_hubs.sink import EventHubsSink
from tests.stream.event_hubs.worlds import EventHubsSinkWorld, EventHubsSourceWorld
from tests.stream.secured import app_service
from tests.stream.sink_contract import message
from tests.stream.source_contract import Reader, bodies, numbers


@pytest.fixture
def service(event_hubs, monkeypatch):
    # the server speaks no TLS, which an identity alone would ask for
    options = {"use_tls": False, "retry_total": 0}
    monkeypatch.setattr("stream_worker.event_hubs.connection._RETRIES", options)
    with app_service() as service:
        number = 0

        def answer():
            nonlocal number
            number += 1
            token = f"token-{number}-{os.urandom(3).hex()}"
            event_hubs.accepted_jwts.add(token)
            return 200, {"access_token": token, "expires_on": str(int(time.time()) + 3600)}

        service.answer = answer
        yield service


async def test_reading_and_writing(event_hubs, azurite, service):
    world = EventHubsSourceWorld(event_hubs, azurite, connection_string=None, namespace=event_hubs.namespace)
    world.append(*numbers(0, 2))
    async with world.source() as source:
        assert bodies(await Reader(source).read(2)) == [b"0", b"1"]
    out = EventHubsSinkWorld(event_hubs, connection_string=None, namespace=event_hubs.namespace)
    async with out.sink() as sink:
        assert isinstance(sink, EventHubsSink)
        await sink.publish([message(b"x")])
    assert [m.value for m in out.published()] == [b"x"]
    assert {each.kind for each in event_hubs.put_tokens} == {"jwt"}
    assert service.resources[0] == "https://eventhubs.azure.net/"


async def test_an_identity_without_rights(event_hubs, service):
    service.answer = lambda: (200, {"access_token": "unknown", "expires_on": str(int(time.time()) + 3600)})
    world = EventHubsSinkWorld(event_hubs, connection_string=None, namespace=event_hubs.namespace)
    with pytest.raises(SinkError, match=r"the sign-in was refused; check the key, or the identity's rights"):
        async with world.sink():
            pass


async def test_no_identity(event_hubs, service):
    service.answer = lambda: (400, {"error": {"code": "identity_not_found", "message": "there is no identity"}})
    world = EventHubsSinkWorld(event_hubs, connection_string=None, namespace=event_hubs.namespace)
    with pytest.raises(SinkError, match=r"does not answer: no token from this machine's identity; give it one"):
        async with world.sink():
            pass
