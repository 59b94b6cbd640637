"""The container's shell answers the shared requests as the handler does, through a real server."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from function_app.http import Response
from tests.http.requests_suite import ENVIRONMENT, REQUESTS, Asked, check, configuration, handler_of
from tests.http.running import Serving, started

_OF_THE_CONNECTION = {"date", "connection", "content-length", "content-type"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configuration(tmp_path_factory.mktemp("container"), port=0)


@pytest.fixture(scope="module")
def server(config: Path) -> Iterator[Serving]:
    with started(config, **ENVIRONMENT) as running:
        yield running


def through(server: Serving, asked: Asked) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(asked.method, asked.target, asked.body or None, dict(asked.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        others = {name: value for name, value in headers.items() if name not in _OF_THE_CONNECTION}
        return Response(response.status, response.read(), headers["content-type"], others)
    finally:
        connection.close()


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda asked: asked.name)
async def test_the_server_answers_as_the_handler(
    server: Serving, config: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    async with handler_of(config) as handler:
        wanted = await handler.handle(asked.request)
    answered = through(server, asked)
    if answered.status == 413 and asked.name == "a long body":
        assert b"at most 4096 are accepted" in answered.body  # this shell refuses it before it has read it
        return
    check(asked, answered, wanted)


def test_a_query_of_a_thousand_fields_is_refused(server: Serving) -> None:
    target = "/readyz?" + "&".join(f"a{number}=1" for number in range(1000))
    assert through(server, Asked("many fields", "GET", target, 400)).status == 400
