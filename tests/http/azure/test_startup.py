"""How the handler comes up: once, again after a failure, and kept current; without the runtime around it."""

import asyncio
import json
import logging
from contextlib import suppress

import pytest

from function_app import startup
from function_app.http import Request
from function_app.startup import Startup, auth_level, current, keep_current, warm_up
from models import LocalStore
from scoring.errors import ConfigurationError, StoreError
from tests.http.requests_suite import ENVIRONMENT, REQUESTS, configuration
from tests.models.graphs import payments, payments_manifest

SCORING = next(asked for asked in REQUESTS if asked.name == "records").request


@pytest.fixture
def loads(monkeypatch):
    counted = []
    read = LocalStore.model

    def model(self, name, version):
        counted.append(f"{name}:{version}")
        return read(self, name, version)

    monkeypatch.setattr(LocalStore, "model", model)
    return counted


@pytest.fixture
async def begin(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(startup, "_AGAIN_S", 0.05)
    begun = []

    def make(path=None, **http):
        begun.append(Startup(path or configuration(tmp_path, **http)))
        return begun[-1]

    yield make
    for one in begun:
        await one.close()


async def test_first_requests_load_once(begin, loads):
    one = begin()
    responses = await asyncio.gather(*[one.handle(SCORING) for _ in range(40)])
    assert {response.status for response in responses} == {200}
    assert loads == ["payments:1"]
    assert (await one.handle(SCORING)).status == 200
    assert loads == ["payments:1"]


async def test_a_relative_store_is_beside_the_file(begin, tmp_path):
    path = configuration(tmp_path)
    path.write_text(path.read_text().replace(str(tmp_path / "store"), "store"))
    assert (await begin(path).handle(SCORING)).status == 200


async def test_it_fails_once_a_moment_and_mends_itself(begin, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(startup, "_AGAIN_S", 0.3)
    one = begin(tmp_path / "weir.yaml")
    responses = [await one.handle(SCORING) for _ in range(20)]
    assert {response.status for response in responses} == {503}
    assert [record.getMessage() for record in caplog.records] == [
        f"not ready: no configuration file {tmp_path / 'weir.yaml'}"
    ]
    configuration(tmp_path)
    assert (await one.handle(SCORING)).status == 503
    await asyncio.sleep(0.35)
    assert (await one.handle(SCORING)).status == 200


async def test_what_nobody_foresaw_is_told_to_the_log_alone(begin, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("inner workings")

    monkeypatch.setattr(startup, "read_settings", broken)
    response = await begin().handle(SCORING)
    assert (response.status, json.loads(response.body)["detail"]) == (
        503,
        "the service could not start; its log says why",
    )
    assert "inner workings" in caplog.text


async def test_a_key_that_is_too_short(begin, monkeypatch):
    monkeypatch.setenv("WEIR__HTTP__AUTH__PRIMARY_KEY", "short")
    response = await begin().handle(SCORING)
    assert response.status == 503
    assert "primary key must have" in json.loads(response.body)["detail"]
    assert "short" not in response.body.decode()


async def test_a_request_that_has_gone_does_not_stop_the_loading(begin, loads):
    one = begin()
    first = asyncio.create_task(one.handle(SCORING))
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    assert (await one.handle(SCORING)).status == 200
    assert loads == ["payments:1"]


async def test_an_alias_that_moves_is_followed(begin, tmp_path, loads):
    one = begin(reload_s=0.1)
    assert (await one.handle(SCORING)).status == 200
    store = LocalStore(tmp_path / "store")
    store.add(payments_manifest(), payments())
    store.set_alias("payments", "champion", 2)
    while loads[-1] != "payments:2":
        await asyncio.sleep(0.02)


class TestKeepingCurrent:
    class Models:
        def __init__(self, *results):
            self.results = list(results)
            self.done = asyncio.Event()

        async def load(self):
            if not self.results:
                self.done.set()
                return
            result = self.results.pop(0)
            if result is not None:
                raise result

    async def test_each_reason_is_logged_once(self, caplog):
        gone, odd = StoreError("the store is gone"), OSError("odd")
        models = self.Models(None, gone, gone, odd, None, gone)
        task = asyncio.create_task(keep_current(models, 0.001))
        await models.done.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert [(record.levelno, record.getMessage().partition(": ")[2]) for record in caplog.records] == [
            (logging.ERROR, "the store is gone"),
            (logging.ERROR, "OSError('odd')"),
            (logging.ERROR, "the store is gone"),
        ]


class TestTheEnvironment:
    @pytest.fixture(autouse=True)
    def _none_yet(self, monkeypatch, tmp_path):
        monkeypatch.setattr(startup, "_by_loop", {})
        monkeypatch.setenv("WEIR_CONFIG", str(tmp_path / "nowhere.yaml"))

    async def test_one_for_each_event_loop(self):
        assert current() is current()
        assert await asyncio.to_thread(lambda: asyncio.run(self.other())) is not current()

    async def other(self):
        return current()

    async def test_only_the_functions_runtime_warms_up(self, monkeypatch):
        monkeypatch.delenv("FUNCTIONS_WORKER_RUNTIME", raising=False)
        warm_up()
        assert startup._by_loop == {}
        monkeypatch.setenv("FUNCTIONS_WORKER_RUNTIME", "python")
        warm_up()
        [one] = startup._by_loop.values()
        response = await one.handle(Request("GET", "/readyz"))
        assert response.status == 503
        await one.close()

    def test_without_an_event_loop_the_first_request_begins_it(self, monkeypatch):
        monkeypatch.setenv("FUNCTIONS_WORKER_RUNTIME", "python")
        warm_up()
        assert startup._by_loop == {}

    def test_the_hosts_level(self, monkeypatch):
        monkeypatch.delenv("WEIR_FUNCTIONS_AUTH_LEVEL", raising=False)
        assert auth_level() == "anonymous"
        monkeypatch.setenv("WEIR_FUNCTIONS_AUTH_LEVEL", "Function")
        assert auth_level() == "function"
        monkeypatch.setenv("WEIR_FUNCTIONS_AUTH_LEVEL", "")
        with pytest.raises(ConfigurationError) as caught:
            auth_level()
        assert str(caught.value) == "WEIR_FUNCTIONS_AUTH_LEVEL is '': expected anonymous, function, admin"
