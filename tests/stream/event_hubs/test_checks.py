"""What is found out about Event Hubs, and the container of its checkpoints, without taking part."""

import asyncio
import base64
import json
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from stream_worker import StreamSettings
from stream_worker.event_hubs import checks
from stream_worker.event_hubs.checks import check_event_hubs
from tests.emulators.clients import consumer, receiving
from tests.stream.event_hubs.worlds import unique
from tests.stream.kafka import closed_port
from tests.stream.secured import app_service

NAMESPACE = "WEIR__STREAM__SOURCE__CONNECTION_STRING"
STORAGE = "WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING"
WRONG = base64.b64encode(b"canary of a wrong key").decode()
REFUSED = "the sign-in was refused; check the key, or the identity's rights, and this machine's clock"
ROOT_KEY = "the connection string's key 'weir', for the whole namespace"


class Scene:
    """Hubs, a container, and the settings of a stream between them."""

    def __init__(self, hubs: Any, azurite: Any) -> None:
        self.hubs, self.azurite = hubs, azurite
        self.container = azurite.create_container()
        self.names = {key: unique(key.replace("_", "-")) for key in ("source", "sink", "dead_letters")}
        for key, name in self.names.items():
            hubs.create_hub(name, 2, groups=("scoring",) if key == "source" else ("$Default",))
        self.checkpoints = {"container": self.container, "connection_string": azurite.connection_string}
        self.stream: dict[str, Any] = {
            "source": {
                "kind": "event_hubs",
                "connection_string": hubs.connection_string(),
                "hub": self.names["source"],
                "group": "scoring",
                "checkpoints": self.checkpoints,
                "session_timeout_s": 10,
            },
            "sink": {"kind": "event_hubs", "hub": self.names["sink"]},
            "dead_letters": {"kind": "event_hubs", "hub": self.names["dead_letters"]},
            "max_event_bytes": 1_000_000,
        }
        self.source = self.stream["source"]

    async def look(self) -> "Told":
        """Make all checks; no secret may be in any finding."""
        told = Told()
        async for finding in check_event_hubs(StreamSettings.model_validate(self.stream), told.partitions):
            assert not any(
                secret in finding.words for secret in (self.hubs.key, self.azurite.key, WRONG, "Key=", "eyJ")
            )
            getattr(told, finding.mark)[finding.what] = finding.words
        return told

    def write_checkpoint(self, number: int, sequence: int) -> None:
        with ContainerClient.from_connection_string(self.azurite.connection_string, self.container) as container:
            name = f"{self.hubs.namespace}/{self.names['source']}/scoring/checkpoint/{number}"
            metadata = {"offset": str(1024 + sequence), "sequencenumber": str(sequence)}
            container.upload_blob(name, b"", metadata=metadata, overwrite=True).close()


class Told:
    """What was found, by its mark and by what was looked at."""

    def __init__(self) -> None:
        self.ok: dict[str, str] = {}
        self.note: dict[str, str] = {}
        self.wrong: dict[str, str] = {}
        self.partitions: dict[str, int] = {}


@pytest.fixture
def scene(event_hubs, azurite, impatient_sdk):
    return Scene(event_hubs, azurite)


async def test_all_is_well_and_nothing_is_changed(scene):
    told = await scene.look()
    assert (told.wrong, told.note) == ({}, {})
    assert told.partitions == {"source": 2, "sink": 2, "dead_letters": 2}
    assert told.ok["source, group scoring"] == "is there, and may be read; no worker holds partition 0 now"
    assert sum(map(scene.hubs.receivers, scene.names.values())) == 0
    assert sum(map(scene.hubs.count, scene.names.values())) == 0
    with ContainerClient.from_connection_string(scene.azurite.connection_string, scene.container) as container:
        assert list(container.list_blobs()) == []


class TestNamespaces:
    async def test_nobody_listens(self, scene):
        port = closed_port()
        scene.source["connection_string"] = scene.hubs.connection_string().replace(
            scene.hubs.namespace, f"127.0.0.1:{port}"
        )
        found = await scene.look()
        assert found.wrong == {
            f"source, namespace 127.0.0.1:{port}": (f"does not answer at port {port}: Connection refused ({NAMESPACE})")
        }
        assert found.note["source, hubs"] == "were not looked at, for the namespace cannot be asked"
        assert "source, container" in found.ok

    async def test_there_is_no_such_host(self, scene, monkeypatch):
        del scene.source["connection_string"]
        scene.source["namespace"] = "nowhere.invalid"
        assert (await scene.look()).wrong == {
            "source, namespace nowhere.invalid": "does not answer at port 5671: there is no host 'nowhere.invalid' "
            "(stream.source.namespace)"
        }

    async def test_one_that_never_says_a_word(self, scene, monkeypatch):
        monkeypatch.setattr("stream_worker.event_hubs.checks._ANSWER_S", 1.0)
        monkeypatch.setattr("stream_worker.event_hubs.connection._CLOSE_S", 0.5)
        scene.hubs.silence()
        assert (await scene.look()).wrong == {"source, sign-in": f"{ROOT_KEY}: no answer in time ({NAMESPACE})"}

    async def test_a_wrong_key(self, scene):
        scene.source["connection_string"] = scene.hubs.connection_string().replace(scene.hubs.key, WRONG)
        found = await scene.look()
        assert found.wrong == {
            "source, sign-in": f"{ROOT_KEY}: {REFUSED}: InvalidSignature: The token has an invalid signature "
            f"({NAMESPACE})"
        }

    async def test_a_key_for_one_hub_alone(self, scene):
        source = scene.names["source"]
        scene.source["connection_string"] = scene.hubs.connection_string(source)
        found = await scene.look()
        assert found.ok["source, sign-in"] == f"the connection string's key 'weir', for {source!r} alone: accepted"
        assert found.wrong == {
            f"{key}, hub {scene.names[key]}": f"the connection string is for {source!r} alone, by its EntityPath: take "
            f"the namespace's own ({NAMESPACE})"
            for key in ("sink", "dead_letters")
        }

    async def test_a_namespace_whose_clock_is_ahead(self, scene):
        scene.hubs.advance_clock(4000)  # a token lives for an hour
        words = (await scene.look()).wrong["source, sign-in"]
        assert words == f"{ROOT_KEY}: {REFUSED}: ExpiredToken: The token is expired ({NAMESPACE})"


class TestHubs:
    @pytest.mark.parametrize("key", ["source", "sink", "dead_letters"])
    async def test_one_that_is_not_there(self, scene, key):
        scene.stream[key]["hub"] = "nowhere"
        assert (await scene.look()).wrong == {
            f"{key}, hub nowhere": f"is not in {scene.hubs.namespace}: create it, for Weir creates none, or change "
            f"stream.{key}.hub"
        }

    async def test_a_group_that_is_not_there(self, scene):
        scene.source["group"] = "nobody"
        assert (await scene.look()).wrong == {
            "source, group nobody": f"is not in hub {scene.names['source']}: create it, or change stream.source.group"
        }

    async def test_dead_letters_that_do_not_fit(self, scene):
        hub = scene.stream["dead_letters"]["hub"] = scene.hubs.create_hub(unique("small"), 1, max_message_bytes=262_144)
        found = await scene.look()
        assert found.note[f"dead_letters, hub {hub}"] == (
            "1 partition; may be written, 262,144 bytes at once; an event may have 1,000,000 (stream.max_event_bytes): "
            "dead letters of the largest go without their value"
        )
        assert found.partitions["dead_letters"] == 1


class TestReaders:
    """Others who read partition 0 while it is looked at."""

    @pytest.mark.parametrize(("count", "level"), [(1, 0), (1, 7), (5, None)])
    async def test_they_are_seen_and_go_on(self, scene, count, level):
        hub = scene.names["source"]
        async with AsyncExitStack() as stack:
            readers = []
            for _ in range(count):
                client = await stack.enter_async_context(consumer(scene.hubs, hub, "scoring"))
                reading = receiving(client, partition_id="0", owner_level=level)
                readers.append(await stack.enter_async_context(reading))
            async with asyncio.timeout(20):
                while scene.hubs.receivers(hub, 0) < count:
                    await asyncio.sleep(0.01)
            assert (await scene.look()).ok["source, group scoring"] == "is there; partition 0 is being read"
            scene.hubs.append(hub, 0, b"{}")
            for each in readers:
                await each.until(1)
            assert [each.errors for each in readers] == [[]] * count

    async def test_one_beside_whom_there_is_room(self, scene):
        hub = scene.names["source"]
        async with consumer(scene.hubs, hub, "scoring") as client, receiving(client, partition_id="0") as reader:
            async with asyncio.timeout(20):
                while not scene.hubs.receivers(hub, 0):
                    await asyncio.sleep(0.01)
            scene.hubs.append(hub, 0, b"{}")
            assert (await scene.look()).ok["source, group scoring"].startswith("is there, and may be read")
            await reader.until(1)
            assert reader.errors == []


class TestTheContainer:
    async def test_one_that_is_not_there(self, scene):
        scene.checkpoints["container"] = "nothing"
        assert (await scene.look()).wrong == {
            "source, container": "there is no container 'nothing': create it, for Weir creates none, or change "
            f"stream.source.checkpoints.container, or {STORAGE}"
        }

    @pytest.mark.parametrize("key", [WRONG, "not-base-64"])
    async def test_a_wrong_key(self, scene, key):
        scene.checkpoints["connection_string"] = scene.azurite.connection_string.replace(scene.azurite.key, key)
        found = await scene.look()
        [(what, words)] = found.wrong.items()
        assert what == "source, storage sign-in"
        assert words.startswith(f"the connection string's key for the account 'weir': {REFUSED}: ")
        assert words.endswith(f" ({STORAGE})")
        assert "source, group scoring" in found.ok

    async def test_an_account_that_does_not_answer(self, scene):
        wrong = f"AccountName=weir;AccountKey={WRONG};BlobEndpoint=http://127.0.0.1:{closed_port()}/weir;"
        scene.checkpoints["connection_string"] = f"DefaultEndpointsProtocol=http;{wrong}"
        words = (await scene.look()).wrong["source, storage sign-in"]
        assert words.startswith("the connection string's key for the account 'weir': Cannot connect to host 127.0.0.1:")

    async def test_a_clock_that_is_wrong(self, scene, monkeypatch):
        now = time.time
        monkeypatch.setattr("stream_worker.event_hubs.checkpoints.time.time", lambda: now() - 100)
        [(what, words)] = (await scene.look()).wrong.items()
        assert what == "source, clock"
        assert words.startswith("this machine's clock is ")
        assert words.endswith(" s behind the storage service's; ownership of partitions is told by both: set it right")


class TestCheckpoints:
    WHAT = "source, checkpoints of scoring"

    async def test_how_far_behind_they_are(self, scene):
        scene.hubs.append_many(scene.names["source"], 1, [b"{}"] * 10)
        scene.write_checkpoint(1, 6)
        assert (await scene.look()).ok[self.WHAT] == "written in 1 of 2 partitions; 3 events behind"

    async def test_past_the_end(self, scene):
        scene.write_checkpoint(1, 6)
        assert (await scene.look()).note[self.WHAT] == (
            "written in 1 of 2 partitions; 0 events behind; in 1 it is past the end: was the hub made anew? Delete it, "
            "or take another group"
        )

    async def test_where_it_begins_without_any(self, scene):
        scene.source["start"] = "2026-11-20T09:30:00Z"
        assert (await scene.look()).ok[self.WHAT] == (
            "there is none; it begins with what came after 2026-11-20 09:30:00+00:00 (stream.source.start)"
        )


class TestIdentities:
    @pytest.fixture(autouse=True)
    def _without_encryption(self, monkeypatch):
        """Azure's clients send a token over anything, if they are told to; the server here does not encrypt."""
        options = checks.client_options
        for module in ("checks", "clients"):
            monkeypatch.setattr(
                f"stream_worker.event_hubs.{module}.client_options", lambda *them: {**options(*them), "use_tls": False}
            )

    @pytest.fixture(autouse=True)
    def _by_identity(self, scene):
        del scene.source["connection_string"]
        scene.source["namespace"] = scene.hubs.namespace

    def token(self, **claims):
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"eyJhbGciOiJub25lIn0.{payload}.canary"

    async def look_with(self, scene, token):
        with app_service() as service:
            service.answer = lambda: (200, {"access_token": token, "expires_on": str(int(time.time()) + 3600)})
            return await scene.look()

    async def test_a_managed_identity(self, scene):
        token = self.token(appid="1111-2222", oid="3333-4444", tid="5555", exp=time.time() + 3600)
        scene.hubs.accepted_jwts.add(token)
        found = await self.look_with(scene, token)
        assert found.wrong == {}
        assert found.ok["source, identity"] == (
            "the managed identity (ManagedIdentityCredential) gave a token: application 1111-2222, object 3333-4444, "
            "tenant 5555"
        )
        assert found.ok["source, sign-in"] == "the identity's token: accepted"
        assert found.ok["source, group scoring"].startswith("is there, and may be read")

    async def test_one_that_has_no_rights(self, scene):
        found = await self.look_with(scene, self.token(appid="1111-2222"))
        [(what, words)] = found.wrong.items()
        assert what == "source, sign-in"
        assert words.startswith(f"the identity's token: {REFUSED}: InvalidToken")
        assert words.endswith("(stream.source.namespace)")

    async def test_nobody_to_sign_in_as(self, scene, monkeypatch):
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
        found = await scene.look()
        assert found.wrong == {
            "source, identity": "no identity gave a token: EnvironmentCredential: authentication unavailable; give "
            f"this machine an identity, sign in with az login, or set {NAMESPACE}"
        }

    async def test_an_identity_for_the_checkpoints(self, scene):
        del scene.checkpoints["connection_string"]
        scene.checkpoints["account_url"] = scene.azurite.account_url
        token = self.token(appid="1111-2222")
        scene.hubs.accepted_jwts.add(token)
        found = await self.look_with(scene, token)
        assert found.ok["source, storage identity"].endswith("gave a token: application 1111-2222")
        assert found.wrong == {
            "source, storage sign-in": f"the identity's token, at {scene.azurite.account_url}: Token credential is "
            "only supported with HTTPS (stream.source.checkpoints.account_url)"
        }
