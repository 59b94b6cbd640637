"""Checkpoints in Azurite: what other clients read, and that none goes back."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from stream_worker.event_hubs.checkpoints import Checkpoints, open_container
from stream_worker.event_hubs.settings import CheckpointSettings

WHERE = {"fully_qualified_namespace": "Contoso.servicebus.windows.net", "eventhub_name": "Tx", "consumer_group": "g"}


@pytest.fixture
def settings(azurite):
    fields = {"container": azurite.create_container(), "connection_string": azurite.connection_string}
    return CheckpointSettings.model_validate(fields)


@asynccontextmanager
async def opened(settings):
    async with open_container(settings, None) as container:
        yield Checkpoints(container)


def at(sequence, partition="0"):
    return WHERE | {"partition_id": partition, "offset": str(1000 + sequence), "sequence_number": sequence}


async def read(settings):
    connection = settings.connection_string.get_secret_value()
    async with BlobCheckpointStore.from_connection_string(connection, settings.container) as library:
        found = await library.list_checkpoints(*WHERE.values())
    return {each["partition_id"]: (each["offset"], each["sequence_number"]) for each in found}


async def test_the_library_reads_what_is_written(settings):
    async with opened(settings) as checkpoints:
        await checkpoints.update_checkpoint(at(0))
        await checkpoints.update_checkpoint(at(7))
        await checkpoints.update_checkpoint(at(3, "11"))
    assert await read(settings) == {"0": ("1007", 7), "11": ("1003", 3)}


async def test_what_the_library_wrote_is_gone_on_from(settings):
    connection = settings.connection_string.get_secret_value()
    async with BlobCheckpointStore.from_connection_string(connection, settings.container) as library:
        await library.update_checkpoint(at(5))
    async with opened(settings) as checkpoints:
        await checkpoints.update_checkpoint(at(4))
        assert await read(settings) == {"0": ("1005", 5)}
        await checkpoints.update_checkpoint(at(6))
    assert await read(settings) == {"0": ("1006", 6)}


async def test_none_goes_back_whoever_writes(settings):
    async with opened(settings) as one, opened(settings) as other:
        await one.update_checkpoint(at(2))
        await other.update_checkpoint(at(8))
        await one.update_checkpoint(at(5))
        assert await read(settings) == {"0": ("1008", 8)}
        await one.update_checkpoint(at(9))
        await other.update_checkpoint(at(9))
    assert await read(settings) == {"0": ("1009", 9)}


async def test_many_that_write_at_once_leave_the_highest(settings):
    async with opened(settings) as one, opened(settings) as other:
        writes = [(one, other)[number % 2].update_checkpoint(at(number)) for number in (3, 1, 4, 2, 6, 5)]
        await asyncio.gather(*writes)
    assert await read(settings) == {"0": ("1006", 6)}


async def test_those_that_were_read_are_known(settings):
    async with opened(settings) as checkpoints:
        await checkpoints.update_checkpoint(at(7))
        await checkpoints.list_checkpoints(*WHERE.values())
        assert checkpoints.known[0]["sequence_number"] == 7


async def test_the_clocks_of_one_machine_agree(settings):
    async with opened(settings) as checkpoints:
        assert abs(await checkpoints.clock_skew()) < 2


async def test_a_container_that_is_not_there(settings):
    async with opened(settings.model_copy(update={"container": "nothing"})) as checkpoints:
        with pytest.raises(ResourceNotFoundError):
            await checkpoints.clock_skew()
