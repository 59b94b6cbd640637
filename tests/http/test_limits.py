"""What no caller can do to a running server: wait forever, fill its memory, or make it unpack."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.fraud.events import events
from tests.http.running import KEY, Serving, serving

GOOD = events(1, malformed=0)[0].value
HEAD = f"POST /score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def server(fraud_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    limits = {"header_s": 0.5, "body_s": 0.5, "body_bytes": 1_000_000, "rows": 5000}
    with serving(tmp_path_factory.mktemp("limits"), fraud_store, limits=limits) as running:
        yield running


def connected(server: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def rest(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize("begun", [b"", b"POST /sco", HEAD.encode()])
def test_headers_that_do_not_come_end_the_connection(server: Serving, begun: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(begun)
        started = time.monotonic()
        assert rest(connection) == b""
        assert time.monotonic() - started < 5


def test_headers_without_an_end_are_cut_off(server: Serving) -> None:
    with connected(server) as connection:
        with pytest.raises(OSError):
            for _ in range(100_000):
                connection.sendall(b"x-filler: " + b"y" * 1000 + b"\r\n" if _ else HEAD.encode())
        assert b"200 OK" not in rest(connection)


def test_a_body_that_does_not_come_is_answered_408(server: Serving) -> None:
    with connected(server) as connection:
        connection.sendall(HEAD.encode() + b"content-length: 100\r\n\r\n{")
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 0.5 s" in answer


def test_a_body_that_says_it_is_too_long_is_refused_unread(server: Serving) -> None:
    with connected(server) as connection:
        connection.sendall(HEAD.encode() + b"content-length: 200000000\r\n\r\n")
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"at most 1000000 are accepted" in answer


def test_a_body_of_200_megabytes_in_chunks_is_cut_off_and_leaves_memory_flat(server: Serving) -> None:
    before = server.resident_mib
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with connected(server) as connection:
        connection.sendall(HEAD.encode() + b"transfer-encoding: chunked\r\n\r\n")
        try:
            for _ in range(200_000_000 // 65_536):
                connection.sendall(chunk)
        except OSError:
            pass
        else:
            pytest.fail("all of it was taken")
    assert server.resident_mib - before < 30


def test_a_compressed_body_is_not_unpacked(server: Serving) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    before = server.resident_mib
    status, body = server.ask("POST", "/score", bomb, content_encoding="gzip")
    assert (status, json.loads(body)["title"]) == (415, "Unsupported Media Type")
    assert server.resident_mib - before < 30


def test_too_many_rows_are_refused(server: Serving) -> None:
    status, body = server.ask("POST", "/score", b'{"data": [' + b",".join([b"[1]"] * 10_000) + b"]}")
    assert (status, json.loads(body)["detail"]) == (413, "the request has 10000 rows; at most 5000 are accepted")


def test_who_does_not_say_who_asks_is_refused(server: Serving) -> None:
    assert server.ask("POST", "/score", b"{}", authorization="Bearer wrong")[0] == 401


def test_after_all_that_it_still_answers(server: Serving) -> None:
    status, body = server.ask("POST", "/models/fraud@champion/predictions", GOOD)
    assert status == 200
    assert json.loads(body)[0]["model"]["name"] == "fraud"
    assert KEY not in "".join(server.log)
