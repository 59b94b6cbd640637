import json
import socket
import time
import urllib.error
import urllib.request

import pytest

from scoring.errors import ConfigurationError
from stream_worker.health import HealthServer


def get(server, path):
    """Ask over real HTTP, and return the status and the body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as response:
            assert response.headers["Content-Type"] == "application/json"
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def problems():
    return []


@pytest.fixture
def server(problems):
    with HealthServer("127.0.0.1", 0, alive=list, ready=lambda: problems) as server:
        yield server


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_all_is_well(server, path):
    assert get(server, path) == (200, {"status": "ok"})


def test_problems_are_told_in_words(server, problems):
    problems.append("publishing has been waiting for 12 s")
    assert get(server, "/readyz") == (503, {"status": "failing", "problems": ["publishing has been waiting for 12 s"]})
    assert get(server, "/healthz") == (200, {"status": "ok"})
    problems.clear()
    assert get(server, "/readyz") == (200, {"status": "ok"})


def test_another_path_is_told_which_there_are(server):
    assert get(server, "/metrics") == (404, {"status": "unknown", "known": ["/healthz", "/readyz"]})


def test_a_caller_that_says_nothing_keeps_nobody_waiting(server):
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    started = time.monotonic()
    assert get(server, "/readyz")[0] == 200
    assert time.monotonic() - started < 1
    for connection in idle:
        connection.close()


def test_a_caller_that_says_nothing_is_hung_up_on(server, monkeypatch):
    monkeypatch.setattr("stream_worker.health._Handler.timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        assert connection.recv(1) == b""


def test_nothing_is_said_of_the_language_and_its_version(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=5) as response:
        assert "Python" not in response.headers["Server"]


def test_probes_are_not_logged(server, capfd):
    get(server, "/healthz")
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_told_in_words(server):
    expected = f"stream.health: cannot listen on 127.0.0.1:{server.port}: Address already in use"
    with pytest.raises(ConfigurationError) as caught:
        HealthServer("127.0.0.1", server.port, alive=list, ready=list)
    assert str(caught.value) == expected


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 65_536), ("no-such-host.invalid", 0), ("192.0.2.1", 0)])
def test_an_address_that_cannot_be_had_is_told_in_words(host, port):
    with pytest.raises(ConfigurationError, match=f"^stream.health: cannot listen on {host}:{port}: ."):
        HealthServer(host, port, alive=list, ready=list)


def test_the_port_is_free_afterwards():
    with HealthServer("127.0.0.1", 0, alive=list, ready=list) as server:
        port = server.port
    with HealthServer("127.0.0.1", port, alive=list, ready=list) as server:
        assert get(server, "/healthz")[0] == 200
