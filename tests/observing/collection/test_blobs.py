"""Blob storage: on Azurite, and on servers that refuse, hang or are not there."""

import socket
import time
from contextlib import closing

import pytest
from azure.storage.blob import ContainerClient
from pydantic import SecretStr

from telemetry.collection.blobs import BlobStorage
from telemetry.collection.settings import blob_place
from telemetry.collection.storage import StorageError, storage_of
from tests.observing.collection.making import settings
from tests.observing.collection.storage_contract import NAME, StorageContract


def account_at(port, key="c2VjcmV0"):
    return f"DefaultEndpointsProtocol=http;AccountName=weir;AccountKey={key};BlobEndpoint=http://127.0.0.1:{port}/weir;"


class TestBlobs(StorageContract):
    @pytest.fixture
    def container(self, azurite):
        return azurite.create_container()

    @pytest.fixture
    def storage(self, azurite, container):
        chosen = settings(f"abfs://{container}/to/here", connection_string=azurite.connection_string)
        with closing(storage_of(chosen)) as storage:
            yield storage

    @pytest.fixture
    def found(self, azurite, container):
        def contents():
            with ContainerClient.from_connection_string(azurite.connection_string, container) as client:
                names = list(client.list_blob_names(name_starts_with="to/here/"))
                return {name.removeprefix("to/here/"): client.download_blob(name).readall() for name in names}

        return contents


@pytest.fixture
def put():
    """Try to upload a file, and return what went wrong."""

    def tried(account, container="container", content=b"one", **more):
        place = blob_place(f"abfs://{container}/x")
        with closing(BlobStorage(place, SecretStr(account), **more)) as storage, pytest.raises(StorageError) as caught:
            storage.put(NAME, memoryview(content))
        return str(caught.value)

    return tried


def test_a_container_that_is_not_there(azurite, put):
    assert put(azurite.connection_string, "nowhere") == "the storage account answered 404 ContainerNotFound"


def test_a_wrong_key(azurite, put):
    wrong = azurite.connection_string.replace(azurite.key, "c2VjcmV0")
    assert put(wrong, azurite.create_container()) == "the storage account answered 403 AuthorizationFailure"


def test_nobody_is_there(put):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert put(account_at(port)) == "the storage account cannot be reached"


@pytest.mark.parametrize("size", [3, 50_000_000], ids=["small", "large"])
def test_nobody_answers(put, size):
    with socket.create_server(("127.0.0.1", 0)) as server:
        start = time.monotonic()
        words = put(account_at(server.getsockname()[1]), content=bytes(size), answer_s=0.2)
    assert words == "the storage account did not answer in time"
    assert time.monotonic() - start < 15


def test_an_identity_signs_in_where_the_path_names_the_account():
    place = blob_place("abfs://container@contoso.dfs.core.windows.net/x")
    with closing(BlobStorage(place, None)) as storage:
        assert storage._service.url == "https://contoso.blob.core.windows.net/"
        assert storage._credential is not None
