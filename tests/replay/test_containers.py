"""Archives in blob containers, on Azurite: listed, planned and read through fsspec and adlfs."""

import gc
from contextlib import closing

import pytest
from azure.storage.blob import BlobServiceClient

from scoring.errors import ConfigurationError
from stream_worker.replay import archive
from stream_worker.replay.archive import plan, read
from stream_worker.replay.containers import Container
from stream_worker.replay.files import Files, StorageOptions
from tests.replay.archives import (
    events_of,
    make_events,
    write_capture,
    write_feature_parquet,
    write_jsonl,
    write_parquet,
)
from tests.scoring.makers import feature, manifest

EVENTS = make_events(300, partitions=2)
MANIFEST = manifest(feature("amount"), feature("hour", "int64"), event_id=("id",))
WRONG_KEY = "AccountName=weir;AccountKey=d3Jvbmc=;"


@pytest.fixture
def storage(azurite):
    return StorageOptions(connection_string=azurite.connection_string)


@pytest.fixture
def uploaded(azurite, tmp_path):
    """Return the container's name, and a function that uploads what stands in a local folder."""
    container = azurite.create_container()

    def upload():
        with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
            client = service.get_container_client(container)
            for path in sorted(tmp_path.rglob("*")):
                if path.is_file():
                    client.upload_blob(str(path.relative_to(tmp_path)), path.read_bytes(), overwrite=True).close()
        return f"abfs://{container}"

    return upload


def events(group, storage):
    return [each for portion in read(group, manifest=MANIFEST, storage=storage) for each in portion.events]


def test_all_kinds_are_planned_and_read(tmp_path, uploaded, storage):
    write_capture(tmp_path / "captured", EVENTS, codec="deflate", per_file=40, overlap=5, empty_every=2)
    write_jsonl(tmp_path / "lines" / "a.jsonl", EVENTS)
    write_jsonl(tmp_path / "lines" / "b.jsonl.gz", EVENTS)
    write_parquet(tmp_path / "tables" / "values.parquet", EVENTS, row_group=70)
    write_feature_parquet(tmp_path / "tables" / "features.parquet", EVENTS, row_group=70)
    (tmp_path / "lines" / "_SUCCESS").write_bytes(b"")
    root = uploaded()
    found = plan([root], storage=storage, stream="transactions")
    assert found.problems == []
    assert [(group.name, len(group.files)) for group in found.groups] == [
        ("transactions-0", 6), ("transactions-1", 6), ("lines-a", 1), ("lines-b", 1),
        ("tables-features", 1), ("tables-values", 1),
    ]  # fmt: skip
    first, second, lines, zipped, features, values = found.groups
    assert first.files[0].path.startswith(f"{root}/captured/contoso/transactions/0/2023/11/")
    assert events(first, storage) == events_of(EVENTS, 0)
    assert events(second, storage) == events_of(EVENTS, 1)
    assert [each.value for each in events(lines, storage)] == [each.value for each in EVENTS]
    assert [each.value for each in events(zipped, storage)] == [each.value for each in EVENTS]
    assert [each.position for each in events(values, storage)] == [each.position for each in EVENTS]
    (portion,) = read(features, manifest=MANIFEST, storage=storage)
    assert portion.columns is not None
    assert portion.columns["amount"].tolist() == [number / 4 for number in range(300)]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ["a-one", "a-two", "three"]),
        ("/a", ["one", "two"]),
        ("/a/", ["one", "two"]),
        ("/a/one.jsonl", ["one"]),
        ("/*/t*.jsonl", ["a-two"]),
        ("/**", ["a-one", "a-two", "three"]),
    ],
)
def test_a_path_is_a_container_a_folder_a_blob_or_a_pattern(tmp_path, uploaded, storage, path, names):
    for name in ("a/one", "a/two", "three", "a/_hidden", ".hidden/four"):
        write_jsonl(tmp_path / f"{name}.jsonl", EVENTS[:3])
    found = plan([uploaded() + path], storage=storage)
    assert ([group.name for group in found.groups], found.problems) == (names, [])


def test_ranges_and_cursors_are_those_of_local_files(tmp_path, uploaded, storage, monkeypatch):
    write_jsonl(tmp_path / "a.jsonl", make_events(9000))
    monkeypatch.setattr("stream_worker.replay.files._REMOTE_BUFFER", 10_000)
    remote, local = (plan([where], storage=storage, range_bytes=300_000) for where in (uploaded(), str(tmp_path)))
    assert len(remote.groups) == len(local.groups) == 2
    for far, near in zip(remote.groups, local.groups, strict=True):
        portions = list(read(near, manifest=MANIFEST))
        assert list(read(far, manifest=MANIFEST, storage=storage)) == portions
        assert list(read(far, manifest=MANIFEST, storage=storage, cursor=portions[0].cursor)) == portions[1:]


def test_what_is_not_there_is_a_problem(uploaded, storage):
    root = uploaded()
    for path in ("/nothing", "/nothing/*.avro", ""):
        (problem,) = plan([root + path], storage=storage).problems
        assert (problem.path.rstrip("/"), problem.words) == (root + path, "there is no such file")
    (problem,) = plan(["abfs://no-such-container/a"], storage=storage).problems
    assert problem.path == "abfs://no-such-container/a"


def test_a_wrong_key_is_a_problem(azurite, uploaded):
    address = azurite.connection_string.partition("BlobEndpoint=")[2]
    storage = StorageOptions(connection_string=f"DefaultEndpointsProtocol=http;{WRONG_KEY}BlobEndpoint={address}")
    (problem,) = plan([uploaded() + "/a"], storage=storage).problems
    assert "authenticate" in problem.words
    assert "d3Jvbmc" not in problem.words


def test_a_blob_that_changes_or_vanishes_while_it_is_read_is_a_problem(tmp_path, azurite, uploaded, storage):
    path = write_jsonl(tmp_path / "a.jsonl", EVENTS)
    (group,) = plan([uploaded()], storage=storage).groups
    path.write_bytes(path.read_bytes().replace(b"tx-1", b"tx-X"))
    root = uploaded()
    (portion,) = read(group, manifest=MANIFEST, storage=storage)
    assert [each.words for each in portion.problems] == ["changed while it was read: it was written again"]
    assert len(portion.events) == 300
    path.write_bytes(b"{}\n")
    uploaded()
    (portion,) = read(group, manifest=MANIFEST, storage=storage)
    assert f"it had {group.size} bytes when it was listed, and has 3 now" in portion.problems[-1].words
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        service.get_blob_client(root.removeprefix("abfs://"), "a.jsonl").delete_blob()
    (portion,) = read(group, manifest=MANIFEST, storage=storage)
    assert portion.problems[-1].words == "vanished while it was read: there is no such file"
    assert list(portion.events) == []


def test_nothing_stays_open(tmp_path, uploaded, storage, recwarn):
    write_jsonl(tmp_path / "a.jsonl", make_events(9000))
    (group,) = plan([uploaded()], storage=storage).groups
    with closing(read(group, manifest=MANIFEST, storage=storage)) as portions:
        next(portions)
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("s3://bucket/a", "s3://bucket/a: expected a local path, or one that begins with abfs://container/"),
        ("abfs:///a", "abfs:///a: expected the container's name after abfs://"),
        ("abfs://container/a", "abfs://container/: which storage account?"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error_in_words(path, message):
    with pytest.raises(ConfigurationError) as caught:
        plan([path])
    assert str(caught.value).startswith(message)


def test_a_connection_string_that_is_none_is_an_error_in_words():
    with pytest.raises(ConfigurationError) as caught:
        plan(["abfs://c/a"], storage=StorageOptions(connection_string="nonsense"))
    assert "nonsense" not in str(caught.value)
    assert str(caught.value).startswith("abfs://c/: ")


def test_the_account_may_stand_in_the_path_or_in_the_options():
    for root, address in (
        ("abfs://c@contoso.dfs.core.windows.net/", None),
        ("abfs://c/", "https://contoso.blob.core.windows.net"),
    ):
        container = Container(root, address, None)
        assert container._blobs.account_url == "https://contoso.blob.core.windows.net"
        assert container._full("a/b") == "c/a/b"
        container.close()


def test_files_close_what_they_opened(storage, uploaded):
    root = uploaded()
    with Files(storage) as files:
        assert list(files.find(f"{root}/x", lambda *_: None)) == []
        assert files._containers
    assert not files._containers


def test_the_module_that_brings_azure_is_only_imported_for_blobs():
    assert "adlfs" not in vars(archive)
