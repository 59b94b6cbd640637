"""The function app in the code that Azure runs: what is indexed, and that every answer is the handler's own."""

import json
import time

from models import LocalStore
from tests.http.requests_suite import REQUESTS, check, configuration, handler_of
from tests.models.graphs import payments, payments_manifest

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
ROUTES = {
    "docs": "docs",
    "health": "health",
    "health_v2": "v2/health/{*path}",
    "healthz": "healthz",
    "invocations": "invocations",
    "models": "models/{*path}",
    "openapi": "openapi.json",
    "ping": "ping",
    "readyz": "readyz",
    "score": "score",
    "swagger": "swagger.json",
    "v2": "v2/{*path}",
    "wrong_path": "{*path}",
}
OPEN = {"docs", "health", "health_v2", "healthz", "ping", "readyz"}
SCORING = next(asked for asked in REQUESTS if asked.name == "records")
BY_NAME = next(asked for asked in REQUESTS if asked.name == "a named model")
ALIVE = next(asked for asked in REQUESTS if asked.name == "alive")
READY = next(asked for asked in REQUESTS if asked.name == "ready")


def detail(response) -> str:
    assert (response.status, response.content_type) == (503, "application/problem+json")
    assert response.headers["retry-after"] == "1"
    return json.loads(response.body)["detail"]


def until_scored(host) -> set[str]:
    """Ask until there is a score; return what was said instead."""
    said, end = set(), time.monotonic() + 30
    while time.monotonic() < end:
        [response] = host.send(SCORING)
        if response.status == 200:
            return said
        said.add(detail(response))
        time.sleep(0.05)
    raise AssertionError(said)


class TestIndexing:
    def test_every_family_of_routes_is_a_function(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        assert host.start() == ""
        assert {name: one["route"] for name, one in host.functions.items()} == ROUTES
        for function in host.functions.values():
            assert (function["type"], function["name"]) == ("httpTrigger", "req")
            assert (set(function["methods"]), function["authLevel"]) == (METHODS, "ANONYMOUS")

    def test_it_needs_no_configuration(self, make_host, tmp_path):
        host = make_host(WEIR_CONFIG=str(tmp_path / "nowhere.yaml"))
        assert host.start() == ""
        assert host.functions.keys() == ROUTES.keys()

    def test_the_host_may_ask_for_its_own_keys_too(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config), WEIR_FUNCTIONS_AUTH_LEVEL="function")
        assert host.start() == ""
        levels = {name: function["authLevel"] for name, function in host.functions.items()}
        assert levels == {name: "ANONYMOUS" if name in OPEN else "FUNCTION" for name in ROUTES}

    def test_a_level_that_there_is_not_opens_nothing(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config), WEIR_FUNCTIONS_AUTH_LEVEL="functions")
        assert "WEIR_FUNCTIONS_AUTH_LEVEL is 'functions': expected anonymous, function, admin" in host.start()

    async def test_each_of_the_handlers_routes_has_its_function(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start()
        async with handler_of(config) as handler:
            for route in handler.routes.all:
                name = host.function_for(route.path.replace("{name}", "payments"))
                assert name != "wrong_path", route.path
                assert (name in OPEN) == route.is_open, route.path


class TestAnswers:
    async def test_they_are_the_handlers_own(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start()
        until_scored(host)
        async with handler_of(config) as handler:
            for asked in REQUESTS:
                [response] = host.send(asked)
                check(asked, response, await handler.handle(asked.request))

    async def test_all_at_once(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start()
        until_scored(host)
        responses = host.send(*REQUESTS)
        async with handler_of(config) as handler:
            for asked, response in zip(REQUESTS, responses, strict=True):
                check(asked, response, await handler.handle(asked.request))

    def test_a_url_that_cannot_be_read(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start()
        [response] = host.send(SCORING._replace(target="/score?" + "&".join(f"q{n}=1" for n in range(200))))
        assert response.status == 400
        assert json.loads(response.body)["detail"] == "the URL cannot be read"

    def test_serving_loads_no_converter(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start()
        assert host.send(SCORING)[0].status == 200
        loaded = set(host.tell("modules"))
        assert "onnxruntime" in loaded
        forbidden = {"sklearn", "skl2onnx", "onnxmltools", "pandas", "pyarrow", "scipy", "aiokafka"}
        assert not loaded & (forbidden | {"weir", "converters", "stream_worker", "uvicorn", "typer"})


class TestTheFirstRequests:
    def test_forty_at_once_load_the_model_once(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start(load_seconds=1.0)
        responses = host.send(*[SCORING] * 20, *[BY_NAME] * 20)
        assert {response.status for response in responses} == {200}
        assert len({response.body for response in responses}) == 1
        assert host.tell("loads") == ["payments:1"]

    def test_the_model_is_loaded_before_the_first_request(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start()
        while host.send(READY)[0].status != 200:
            pass
        assert host.tell("loads") == ["payments:1"]

    def test_probes_do_not_wait_for_it(self, make_host, config):
        host = make_host(WEIR_CONFIG=str(config))
        host.start(load_seconds=2.0)
        while host.send(ALIVE)[0].status != 200:
            pass
        scored, ready = host.send(SCORING, READY)
        assert (scored.status, ready.status) == (200, 503)
        assert json.loads(ready.body)["problems"] == ["the models are not loaded yet"]


class TestWhatGoesWrong:
    def test_no_configuration_then_one(self, make_host, tmp_path):
        path = tmp_path / "weir.yaml"
        host = make_host(WEIR_CONFIG=str(path))
        host.start()
        missing = f"no configuration file {path}"
        assert detail(host.send(SCORING)[0]) == missing
        assert [detail(response) for response in host.send(ALIVE, READY)] == [missing] * 2
        configuration(tmp_path)
        assert until_scored(host) == {missing}

    def test_no_model_then_one(self, make_host, tmp_path):
        path, store = configuration(tmp_path), LocalStore(tmp_path / "elsewhere")
        path.write_text(path.read_text().replace(str(tmp_path / "store"), "elsewhere"))
        host = make_host(WEIR_CONFIG=str(path))
        host.start()
        assert detail(host.send(SCORING)[0]).startswith(f"no model store at {tmp_path / 'elsewhere'}: ")
        assert host.send(ALIVE)[0].status == 200
        [ready] = host.send(READY)
        assert (ready.status, json.loads(ready.body)["status"]) == (503, "failing")
        store.add(payments_manifest(), payments())
        store.set_alias("payments", "champion", 1)
        until_scored(host)

    def test_open_to_everybody_by_oversight(self, make_host, tmp_path):
        path = configuration(tmp_path, auth={"mode": "none"})
        host = make_host(WEIR_CONFIG=str(path))
        host.start()
        assert detail(host.send(SCORING)[0]) == (
            "http.auth.mode none: anybody who reaches the function app could ask; choose key or entra, "
            "or set http.auth.allow_anonymous"
        )

    def test_a_secret_is_not_told(self, make_host, tmp_path):
        path = configuration(tmp_path, auth={"primary_key": "hunter2-hunter2-hunter2"})
        host = make_host(WEIR_CONFIG=str(path))
        host.start()
        said = detail(host.send(SCORING)[0])
        assert "http.auth.primary_key is a secret; set it as WEIR__HTTP__AUTH__PRIMARY_KEY" in said
        assert "hunter2" not in said


def test_a_promoted_model_is_served_without_a_restart(make_host, tmp_path):
    store, path = LocalStore(tmp_path / "store"), configuration(tmp_path, reload_s=0.1)
    host = make_host(WEIR_CONFIG=str(path))
    host.start()
    store.add(payments_manifest(tags={"second": "yes"}), payments())
    assert host.send(SCORING)[0].status == 200
    store.set_alias("payments", "champion", 2)
    while host.tell("loads") != ["payments:1", "payments:2"]:
        assert host.send(SCORING)[0].status == 200
