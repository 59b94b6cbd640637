import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.storage.blob.aio import BlobServiceClient

from tests.emulators.azurite import Azurite

REPOSITORY = Path(__file__).parents[2]
PARENT = """
from tests.emulators.azurite import Azurite
with Azurite():
    print("up", flush=True)
    input()
"""
NO_RETRIES = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}


@pytest.fixture
def own_azurite(azurite):
    """One that the test may stop: `azurite` has seen to it that it can be started."""
    with Azurite() as storage:
        yield storage


async def test_blobs_are_kept_in_containers(azurite):
    name = azurite.create_container()
    assert azurite.create_container("named-by-the-test") == "named-by-the-test"
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        blob = service.get_blob_client(name, "a/b")
        await blob.upload_blob(b"x", metadata={"sequencenumber": "7"})
        assert await (await blob.download_blob()).readall() == b"x"
        containers = [container.name async for container in service.list_containers()]
    assert {name, "named-by-the-test"} <= set(containers)
    assert name != azurite.create_container()


async def test_the_account_is_reached_with_its_key_only(azurite):
    credential = {"account_name": azurite.account, "account_key": azurite.key}
    async with BlobServiceClient(azurite.account_url, credential, **NO_RETRIES) as service:
        assert (await service.get_account_information())["account_kind"]
    wrong = credential | {"account_key": "AAAA"}
    async with BlobServiceClient(azurite.account_url, wrong, **NO_RETRIES) as service:
        with pytest.raises(HttpResponseError, match="AuthorizationFailure"):
            await service.get_account_information()


async def test_what_does_not_answer_does_not_answer_until_it_is_resumed(own_azurite):
    name = own_azurite.create_container()
    async with BlobServiceClient.from_connection_string(own_azurite.connection_string, **NO_RETRIES) as service:
        blob = service.get_blob_client(name, "a")
        await blob.upload_blob(b"x")
        own_azurite.stop_answering()
        with pytest.raises((ServiceResponseError, TimeoutError)):
            await asyncio.wait_for(blob.download_blob(), 3)
        own_azurite.resume()
        assert await (await blob.download_blob()).readall() == b"x"


def test_it_ends_at_once_even_while_it_does_not_answer(own_azurite):
    own_azurite.stop_answering()
    start = time.monotonic()
    own_azurite.stop()
    assert time.monotonic() - start < 5
    with pytest.raises(RuntimeError, match="Azurite is not running"):
        own_azurite.resume()


def test_it_dies_with_a_process_that_is_killed(azurite):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout.readline() == b"up\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert any("azurite" in " ".join(child.cmdline()) for child in children)
        parent.send_signal(signal.SIGKILL)
    assert not psutil.wait_procs(children, timeout=10)[1]
