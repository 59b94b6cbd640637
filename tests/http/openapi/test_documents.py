"""The documents of every kind of model: valid, complete, and true."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator, validate

from function_app.handler import Handler
from function_app.http import Request
from models import Deployment
from tests.http.doors import door
from tests.http.openapi.kinds import KINDS

SECRET = "a-key-that-nobody-should-see"  # noqa: S105 - that is what is looked for


def deployed(kind: str) -> Deployment:
    return Deployment(name="blue", model=kind, traffic=100)


async def get(handler: Handler, path: str, **headers: str) -> Any:
    path, _, model = path.partition("?model=")
    response = await handler.handle(Request("GET", path, headers, query={"model": model} if model else {}))
    assert response.status == 200, response.body
    return json.loads(response.body)


def operations(document: dict) -> dict[tuple[str, str], dict]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_both_documents_are_valid(kinds_store: Path, kind: str) -> None:
    async with door(kinds_store, deployed(kind)) as handler:
        validate(await get(handler, "/openapi.json"), cls=OpenAPIV31SpecValidator)
        validate(await get(handler, "/swagger.json"), cls=OpenAPIV2SpecValidator)


async def test_every_route_is_documented_and_no_other(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments")) as handler:
        documented = operations(await get(handler, "/openapi.json"))
        assert set(documented) == {(route.method, route.path) for route in handler.routes.all}
        opened = {key for key, operation in documented.items() if operation.get("security") == []}
        assert opened == {(route.method, route.path) for route in handler.routes.all if route.is_open}
    identifiers = [operation["operationId"] for operation in documented.values()]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_example_is_answered_as_documented(kinds_store: Path, kind: str) -> None:
    """Each body is posted: it is answered with 200, and where an answer is shown beside it, with that one."""
    async with door(kinds_store, deployed(kind)) as handler:
        document = await get(handler, "/openapi.json")
        posted = 0
        for (method, path), operation in operations(document).items():
            filled = path.replace("{version}", "1").replace("{name}", kind)
            answers = operation["responses"]["200"]["content"].get("application/json", {}).get("examples", {})
            for content_type, content in operation.get("requestBody", {}).get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    body = example["value"]
                    sent = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                    response = await handler.handle(Request(method, filled, {"content-type": content_type}, sent))
                    assert response.status == 200, (path, name, response.body)
                    shown = answers.get(name) or (answers.get("predictions") if path == "/invocations" else None)
                    if shown:
                        assert json.loads(response.body) == shown["value"], (path, name)
                    posted += 1
    assert posted >= 17


async def test_what_the_other_routes_are_shown_to_answer(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments")) as handler:
        documented = operations(await get(handler, "/openapi.json"))
        for method, path in (("POST", "/v2/repository/index"), ("GET", "/v2/models/{name}")):
            (shown,) = documented[method, path]["responses"]["200"]["content"]["application/json"]["examples"].values()
            response = await handler.handle(Request(method, path.replace("{name}", "payments")))
            assert json.loads(response.body) == shown["value"]


async def test_fields_are_the_models_own(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments")) as handler:
        document = await get(handler, "/openapi.json")
    schemas = document["components"]["schemas"]
    record = schemas["Record"]
    assert set(record["properties"]) == {"amount", "age", "risk", "country", "channel", "vip"}
    assert "risk" not in record["required"]
    assert record["properties"]["risk"]["type"] == ["number", "null"]
    assert record["properties"]["age"]["type"] == "integer"
    assert record["properties"]["age"]["minimum"] == -(2**63), "a range is told in words: it is not enforced"
    assert record["properties"]["age"]["description"] == "Training saw 18 to 89; other values are scored too."
    assert record["properties"]["channel"]["maxLength"] == 256
    assert set(record["properties"]["channel"]["examples"]) == {"pos", "web"}
    assert [place["title"] for place in schemas["Row"]["prefixItems"]] == list(record["properties"])
    card = schemas["Event"]["properties"]["card"]
    assert set(card["properties"]) == {"country", "risk"}
    assert card["type"] == ["object", "null"]
    assert "card" not in schemas["Event"]["required"]
    assert {"meta", "customer", "amount"} <= set(schemas["Event"]["required"])
    facts = document["info"]["x-weir-model"]
    assert facts["certificate"]["passed"]
    assert facts["properties"] == {"auc": 0.91}


@pytest.mark.parametrize(
    ("kind", "answers", "label"),
    [
        ("payments", {"result", "predict", "predict_proba"}, {"type": "integer", "enum": [0, 1]}),
        ("margins", {"result", "predict"}, {"type": "integer", "enum": [0, 1]}),
        (
            "flowers",
            {"result", "predict", "predict_proba"},
            {"type": "string", "enum": ["setosa", "versicolor", "virginica"]},
        ),
        ("diabetes", {"result", "predict"}, {"type": "number"}),
        ("strange", {"result", "predict"}, {"type": "integer", "enum": [-1, 1]}),
    ],
)
async def test_answers_follow_the_task(kinds_store: Path, kind: str, answers: set, label: dict) -> None:
    async with door(kinds_store, deployed(kind)) as handler:
        schemas = (await get(handler, "/openapi.json"))["components"]["schemas"]
        swagger = await get(handler, "/swagger.json")
    forms = {name: form for each in schemas["ScoreAnswer"]["oneOf"] for name, form in each["properties"].items()}
    assert set(forms) == answers
    assert label.items() <= forms["result"]["items"].items()
    assert swagger["definitions"]["ServiceOutput"]["properties"]["result"]["items"]["type"] == label["type"]
    assert set(swagger["definitions"]["ServiceOutput"]["example"]) == {"result"}


@pytest.mark.parametrize("mode", ["none", "key", "entra"])
async def test_who_must_say_who_they_are(kinds_store: Path, mode: str) -> None:
    entra = {"issuer": "https://issuer", "audience": "us", "jwks_url": "https://issuer/keys"}
    auth = {"mode": mode, "primary_key": SECRET, **({"entra": entra} if mode == "entra" else {})}
    async with door(kinds_store, deployed("payments"), auth=auth) as handler:
        document = await get(handler, "/openapi.json")
        swagger = await get(handler, "/swagger.json")
        page = (await handler.handle(Request("GET", "/docs"))).body.decode()
    validate(document, cls=OpenAPIV31SpecValidator)
    schemes = {"none": [], "key": ["bearer", "apiKey"], "entra": ["bearer"]}[mode]
    assert list(document["components"].get("securitySchemes", {})) == schemes
    assert document.get("security", []) == [{name: []} for name in schemes]
    assert ("securityDefinitions" in swagger) == bool(schemes)
    responses = document["paths"]["/score"]["post"]["responses"]
    assert ("401" in responses, "403" in responses) == (mode != "none", mode == "entra")
    samples = json.dumps(document["paths"]["/score"]["post"]["x-codeSamples"])
    assert ("WEIR_KEY" in samples) == bool(schemes)
    for text in (json.dumps(document), json.dumps(swagger), page):
        assert SECRET not in text
        assert "https://issuer" not in text


async def test_documents_are_closed_and_the_page_is_open_and_empty(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments")) as handler:
        assert {route.path: route.is_open for route in handler.routes.all if route.path.endswith(("json", "docs"))} == {
            "/openapi.json": False,
            "/swagger.json": False,
            "/docs": True,
        }
        page = await handler.handle(Request("GET", "/docs"))
        for word in (b"payments", b"country", b"channel", b"0.91"):
            assert word not in page.body


async def test_another_model_is_described_on_request(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments")) as handler:
        document = await get(handler, "/openapi.json?model=flowers:1")
        swagger = await get(handler, "/swagger.json?model=flowers:1")
        missing = await handler.handle(Request("GET", "/openapi.json", query={"model": "nosuch"}))
        strange = await handler.handle(Request("GET", "/swagger.json", query={"model": "../etc"}))
    validate(document, cls=OpenAPIV31SpecValidator)
    validate(swagger, cls=OpenAPIV2SpecValidator)
    assert document["info"]["title"] == "flowers"
    assert all("{name}" in path for path in document["paths"])
    assert set(swagger["paths"]) == {"/healthz", "/models/flowers:1/score"}
    assert "/models/flowers:1/score" in json.dumps(document["paths"]["/models/{name}/score"]["post"]["x-codeSamples"])
    assert (missing.status, strange.status) == (404, 404)


async def test_nothing_is_described_before_a_model_is_loaded(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments"), load=False) as handler:
        for path in ("/openapi.json", "/swagger.json"):
            response = await handler.handle(Request("GET", path))
            assert (response.status, response.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"host": "scores.example.com"}, "http://scores.example.com"),
        ({"host": "scores.example.com:8443", "x-forwarded-proto": "https"}, "https://scores.example.com:8443"),
        ({"host": "[::1]:8080"}, "http://[::1]:8080"),
        ({"host": "$(reboot)"}, "http://127.0.0.1:8080"),
        ({"host": "a'b"}, "http://127.0.0.1:8080"),
        ({"host": "a", "x-forwarded-proto": "javascript"}, "http://a"),
        ({}, "http://127.0.0.1:8080"),
    ],
)
async def test_the_address_is_the_callers_own(kinds_store: Path, headers: dict, address: str) -> None:
    async with door(kinds_store, deployed("payments")) as handler:
        document = await get(handler, "/openapi.json", **headers)
    assert document["servers"] == [{"url": address}]
    samples = document["paths"]["/score"]["post"]["x-codeSamples"]
    assert all(f"{address}/score" in sample["source"] for sample in samples)


async def test_a_model_that_is_too_slow_is_described_all_the_same(kinds_store: Path) -> None:
    async with door(kinds_store, deployed("payments"), limits={"scoring_s": 1e-9}) as handler:
        document = await get(handler, "/openapi.json")
        swagger = await get(handler, "/swagger.json")
    validate(document, cls=OpenAPIV31SpecValidator)
    validate(swagger, cls=OpenAPIV2SpecValidator)
    assert "examples" not in document["paths"]["/score"]["post"]["responses"]["200"]["content"]["application/json"]
    assert "example" not in swagger["definitions"]["ServiceOutput"]
