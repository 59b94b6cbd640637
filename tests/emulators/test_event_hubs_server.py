import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from azure.eventhub import EventData
from azure.eventhub._pyamqp.performatives import CloseFrame
from azure.eventhub.aio import EventHubProducerClient

from tests.emulators.clients import producer
from tests.emulators.event_hubs import EventHubsServer
from tests.emulators.peer import Peer

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.emulators.event_hubs", "--hub", "transactions:2", "--hub", "predictions"]


def test_a_server_starts_at_once_and_leaves_nothing_behind():
    threads = threading.active_count()
    start = time.monotonic()
    for _ in range(10):
        with EventHubsServer() as hubs:
            host, port = hubs.namespace.split(":")
            held = socket.create_connection((host, int(port)))
        with held, pytest.raises(ConnectionResetError):
            held.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))
    assert time.monotonic() - start < 2
    assert threading.active_count() == threads


def test_a_server_that_is_stopped_says_so():
    hubs = EventHubsServer()
    with pytest.raises(RuntimeError, match="the Event Hubs server is not running"):
        hubs.create_hub("transactions")
    with hubs:
        hubs.create_hub("transactions")
        hubs.down()
    hubs.stop()
    with pytest.raises(RuntimeError, match="the Event Hubs server is not running"):
        hubs.drop_connections()


def test_a_server_stops_while_a_peer_says_goodbye_and_does_not_read():
    with EventHubsServer() as hubs:
        hubs.create_hub("transactions", 1)
        hubs.append_many("transactions", 0, [b"x" * 90_000] * 200)
        with Peer(hubs) as peer:
            peer.attach(7, "transactions/ConsumerGroups/$Default/Partitions/0", receiver=True)
            peer.flow(7, 1_000)
            peer.tell(CloseFrame(None), 0)
            start = time.monotonic()
            hubs.stop()
            assert time.monotonic() - start < 2


def test_an_event_hub_is_made_once(event_hubs):
    event_hubs.create_hub("transactions")
    with pytest.raises(ValueError, match="the event hub 'Transactions' exists already"):
        event_hubs.create_hub("Transactions")


def test_an_error_of_the_server_s_own_is_raised_in_the_test():
    hubs = EventHubsServer()
    with pytest.raises(RuntimeError, match="the Event Hubs server failed") as failure, hubs:
        hubs._namespace.put_token = None
        with pytest.raises(ConnectionResetError), Peer(hubs):
            pass
    assert isinstance(failure.value.__cause__, TypeError)


async def test_two_servers_do_not_meet(event_hubs):
    with EventHubsServer() as others:
        for hubs in (event_hubs, others):
            hubs.create_hub("transactions", 1)
        async with producer(others, "transactions") as client:
            await client.send_event(EventData("x"))
        assert (event_hubs.count("transactions"), others.count("transactions")) == (0, 1)


def test_ten_thousand_events_are_stored_at_once(event_hubs):
    event_hubs.create_hub("transactions", 1)
    start = time.monotonic()
    event_hubs.append_many("transactions", 0, [b"%d" % number for number in range(10_000)])
    stored = event_hubs.events("transactions", 0)
    assert time.monotonic() - start < 5
    assert [event.sequence_number for event in stored] == list(range(10_000))
    assert [event.body for event in stored] == [b"%d" % number for number in range(10_000)]
    assert [event.body for event in event_hubs.events("transactions", 0, start=9_998)] == [b"9998", b"9999"]


def start_process(*options):
    process = subprocess.Popen(
        [*COMMAND, *options], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    return process, json.loads(process.stdout.readline())


async def test_as_a_process_it_says_where_it_is_and_ends_with_its_input():
    process, said = start_process()
    with process:
        text = said["connection_string"]
        assert said["namespace"] in text
        for hub, partitions in (("transactions", ["0", "1"]), ("predictions", ["0", "1", "2", "3"])):
            async with EventHubProducerClient.from_connection_string(text, eventhub_name=hub) as client:
                assert await client.get_partition_ids() == partitions
                await client.send_event(EventData("x"))
        process.stdin.close()
        assert process.wait(5) == 0
        assert process.stderr.read() == b""


def test_as_a_process_it_ends_with_a_signal_and_takes_a_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process, said = start_process("--port", str(port))
    with process:
        assert said["namespace"] == f"127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_as_a_process_it_ends_with_a_parent_that_is_killed():
    code = f"import subprocess, time; subprocess.Popen({COMMAND!r}, stdin=subprocess.PIPE); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE) as parent:
        assert json.loads(parent.stdout.readline())
        children = psutil.Process(parent.pid).children()
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(5)
        assert len(children) == 1
        assert not psutil.wait_procs(children, timeout=5)[1]
