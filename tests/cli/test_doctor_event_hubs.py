"""`weir doctor` before Event Hubs and the container of its checkpoints."""

import base64

import pytest
from azure.storage.blob import ContainerClient

from tests.cli.configured import configuration
from tests.cli.examined import examine
from tests.cli.test_worker import running
from tests.stream.event_hubs.worlds import unique

NAMESPACE = "WEIR__STREAM__SOURCE__CONNECTION_STRING"
STORAGE = "WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING"
WRONG = base64.b64encode(b"canary of a wrong key").decode()
ROOT_KEY = "the connection string's key 'weir', for the whole namespace"


class Scene:
    """Hubs, a container, and a configuration of them."""

    def __init__(self, hubs, azurite, folder):
        self.hubs, self.azurite, self.folder = hubs, azurite, folder
        self.container = azurite.create_container()
        self.names = {key: unique(key.replace("_", "-")) for key in ("source", "sink", "dead_letters")}
        for key, name in self.names.items():
            hubs.create_hub(name, 2, groups=("scoring",) if key == "source" else ("$Default",))
        self.settings = configuration(folder)
        self.stream = self.settings["stream"] = {
            "source": {
                "kind": "event_hubs",
                "hub": self.names["source"],
                "group": "scoring",
                "checkpoints": {"container": self.container},
                "session_timeout_s": 4,
            },
            "sink": {"kind": "event_hubs", "hub": self.names["sink"]},
            "dead_letters": {"kind": "event_hubs", "hub": self.names["dead_letters"]},
            "max_event_bytes": 1_000_000,
            "health": {"port": 0},
        }
        self.secrets = {NAMESPACE: hubs.connection_string(), STORAGE: azurite.connection_string}

    def blobs(self, kind):
        """The metadata of the group's blobs, by partition."""
        with ContainerClient.from_connection_string(self.azurite.connection_string, self.container) as container:
            found = container.list_blobs(f"{self.hubs.namespace}/{self.names['source']}/scoring/{kind}/", ["metadata"])
            return {blob.name.rpartition("/")[2]: dict(blob.metadata or {}) for blob in found}

    def no_secret_is_in(self, text):
        parts = (self.hubs.key, self.azurite.key, WRONG, "SharedAccessKey=", "AccountKey=", "eyJ")
        assert [part for part in parts if part in text] == []


@pytest.fixture
def scene(event_hubs, azurite, tmp_path):
    return Scene(event_hubs, azurite, tmp_path)


def test_all_is_well(scene):
    scene.hubs.append_many(scene.names["source"], 0, [b"{}"] * 7)
    found = examine(scene.folder, scene.settings, **scene.secrets)
    scene.no_secret_is_in(found.text)
    assert found.wrong == {}
    assert found.well[f"source, namespace {scene.hubs.namespace}"] == "answers"
    assert found.well["source, sign-in"] == f"{ROOT_KEY}: accepted"
    assert found.well[f"source, hub {scene.names['source']}"] == "2 partitions"
    assert found.well["source, group scoring"] == "is there, and may be read; no worker holds partition 0 now"
    for key in ("sink", "dead_letters"):
        assert found.well[f"{key}, hub {scene.names[key]}"] == "2 partitions; may be written, 1,048,576 bytes at once"
    assert found.well["source, storage sign-in"] == "the connection string's key for the account 'weir': accepted"
    assert found.well["source, container"] == f"{scene.container} is there, and can be read and listed"
    assert found.well["source, clock"] == "this machine and the storage service agree"
    assert found.well[f"source, owners of {scene.names['source']}"] == "nobody owns a partition now"
    assert found.well["source, checkpoints of scoring"] == (
        "there is none; it begins with the first of 7 events (stream.source.start)"
    )
    assert [scene.hubs.count(name) for name in scene.names.values()] == [7, 0, 0]
    assert scene.blobs("checkpoint") == scene.blobs("ownership") == {}


def test_no_secret_is_printed_when_keys_are_wrong(scene):
    keys = {scene.hubs.key: WRONG, scene.azurite.key: WRONG}
    changed = {
        name: next(string.replace(key, wrong) for key, wrong in keys.items() if key in string)
        for name, string in scene.secrets.items()
    }
    found = examine(scene.folder, scene.settings, **changed)
    scene.no_secret_is_in(found.text)
    assert list(found.wrong) == ["source, sign-in", "source, storage sign-in"]


def test_a_worker_of_the_group_is_not_disturbed(scene, monkeypatch):
    for name, value in scene.secrets.items():
        monkeypatch.setenv(name, value)
    hub = scene.names["source"]
    scene.hubs.append_many(hub, 0, [b"{}"] * 20)
    with running(scene.folder, scene.settings) as worker:
        worker.until(lambda: worker.all_ready(1), "ready")
        worker.until(lambda: len(owners := scene.blobs("ownership")) == 2 and set_of(owners) != {""}, "owned")
        worker.until(lambda: scene.blobs("checkpoint").get("0", {}).get("sequencenumber") == "19", "committed")
        worker.until(lambda: scene.hubs.receivers(hub) == 2, "reading both")
        before = {kind: owners_or_all(scene, kind) for kind in ("ownership", "checkpoint")}
        sent = [scene.hubs.count(name) for name in scene.names.values()]
        for _ in range(2):
            found = examine(scene.folder, scene.settings, **scene.secrets)
            assert found.wrong == {}
            assert found.well["source, group scoring"] == "is there; partition 0 is being read"
            [owner] = set_of(scene.blobs("ownership"))
            assert found.well[f"source, owners of {hub}"] == f"1 worker: {owner[:8]} has 0, 1"
            assert found.well["source, checkpoints of scoring"] == "written in 1 of 2 partitions; 0 events behind"
        assert {kind: owners_or_all(scene, kind) for kind in ("ownership", "checkpoint")} == before
        assert [scene.hubs.count(name) for name in scene.names.values()] == sent
        assert scene.hubs.receivers(hub) == 2
        assert "is let go" not in worker.said
        assert worker.stop() == 0


def owners_or_all(scene, kind):
    found = scene.blobs(kind)
    return {number: each["ownerid"] for number, each in found.items()} if kind == "ownership" else found


def set_of(owners):
    return {each["ownerid"] for each in owners.values()}
