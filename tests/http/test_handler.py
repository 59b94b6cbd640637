"""Routes, rejections and limits of the handler, without a server around it."""

import asyncio
import json
from pathlib import Path

import pytest

from examples.fraud.events import events
from function_app.http import Request
from models import Deployment
from tests.http.doors import door, post

GOOD = [event.value for event in events(50, malformed=0)]


def problem(response) -> dict:
    assert response.content_type == "application/problem+json"
    document = json.loads(response.body)
    assert document["status"] == response.status
    return document


async def test_a_rejected_event_stands_in_its_place(fraud_store: Path) -> None:
    async with door(fraud_store) as handler:
        response = await post(handler, "/models/fraud/predictions", b"[" + GOOD[0] + b",{}," + GOOD[1] + b"]")
        whole = await post(handler, "/models/fraud/predictions", b"[" + GOOD[0] + b"," + GOOD[1] + b"]")
    first, rejected, last = json.loads(response.body)
    assert rejected["code"] == "missing_field"
    assert [first, last] == json.loads(whole.body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/score", 405),
        ("DELETE", "/models/fraud/predictions", 405),
        ("POST", "/models/nosuch/predictions", 404),
        ("POST", "/models/..%2f..%2fetc/predictions", 404),
        ("POST", "/models/../predictions", 404),
        ("POST", "/models/fraud:99/predictions", 404),
        ("POST", "/models/fraud@nobody/predictions", 404),
        ("POST", "/models/http:%2F%2Flocalhost/score", 404),
    ],
)
async def test_what_is_not_there_is_a_problem(fraud_store: Path, method: str, path: str, status: int) -> None:
    async with door(fraud_store) as handler:
        response = await handler.handle(Request(method, path, {}, GOOD[0]))
    assert problem(response)["status"] == status


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "JSON"),
        (b"null", 400, "Expected `object`"),
        (b'{"data": []}', 400, "no rows"),
        (b'{"other": 1}', 400, '"data" nor "input_data"'),
        (b'{"data": [[1]], "method": "destroy"}', 400, "method"),
        (b"[" * 100_000, 400, "nests deeper"),
        (b'{"data": [[1, 2]]}', 422, "row 0"),
        (b'{"data": [{}]}', 422, "more are missing"),
        (b'{"input_data": {"columns": ["amount"], "data": [[1, 2]]}}', 400, "row 0 has 2 values for 1 columns"),
        (b'{"input_data": {"amount": [1, 2], "currency": ["EUR"]}}', 400, "different lengths"),
    ],
)
async def test_bad_bodies_name_what_was_expected(fraud_store: Path, body: bytes, status: int, words: str) -> None:
    async with door(fraud_store) as handler:
        response = await post(handler, "/score", body)
    assert response.status == status
    assert words in problem(response)["detail"]


async def test_limits_are_refused_in_words(fraud_store: Path) -> None:
    limits = {"rows": 3, "body_bytes": 20_000}
    async with door(fraud_store, limits=limits) as handler:
        rows = await post(handler, "/models/fraud/predictions", b"[" + b",".join(GOOD[:4]) + b"]")
        size = await post(handler, "/score", b" " * 20_001)
        packed = await post(handler, "/score", GOOD[0], **{"content-encoding": "gzip"})
        kind = await post(handler, "/score", GOOD[0], **{"content-type": "text/xml"})
    assert "4 rows; at most 3" in problem(rows)["detail"]
    assert [response.status for response in (rows, size, packed, kind)] == [413, 413, 415, 415]


async def test_a_request_that_takes_too_long_is_answered_504(fraud_store: Path) -> None:
    async with door(fraud_store, limits={"scoring_s": 0.05}) as handler:
        batcher = handler._service.models.choose(b"")
        batcher.pipeline.score = lambda events, form, seen: __import__("time").sleep(0.3)
        response = await post(handler, "/models/fraud/predictions", GOOD[0])
        assert "longer than 0.05 s" in problem(response)["detail"]
        await asyncio.sleep(0.4)
    assert response.status == 504


async def test_more_than_may_wait_is_told_to_come_again(fraud_store: Path) -> None:
    async with door(fraud_store, batching={"queued_rows": 20, "max_wait_ms": 20}) as handler:
        ten = b"[" + b",".join(GOOD[:10]) + b"]"
        responses = await asyncio.gather(*(post(handler, "/models/fraud/predictions", ten) for _ in range(5)))
    refused = [response for response in responses if response.status == 503]
    assert len(refused) == 3
    assert refused[0].headers["Retry-After"] == "1"


async def test_concurrent_requests_get_their_own_answers(fraud_store: Path) -> None:
    async with door(fraud_store, batching={"max_rows": 8}) as handler:
        alone = [await post(handler, "/models/fraud/predictions", body) for body in GOOD]
        sizes = [(start, start % 4 + 1) for start in range(40)]
        mixed = await asyncio.gather(
            *(
                post(handler, "/models/fraud/predictions", b"[" + b",".join(GOOD[start : start + size]) + b"]")
                for start, size in sizes
            )
        )
    for (start, size), response in zip(sizes, mixed, strict=True):
        assert response.body == b"[" + b",".join(one.body[1:-1] for one in alone[start : start + size]) + b"]"


async def test_first_requests_at_once_load_a_model_once(fraud_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    from function_app import serving

    load = serving.load_pipeline
    monkeypatch.setattr(serving, "load_pipeline", lambda *args, **more: loads.append(1) or load(*args, **more))
    async with door(fraud_store, load=False) as handler:
        responses = await asyncio.gather(*(post(handler, "/models/fraud/predictions", GOOD[0]) for _ in range(20)))
    assert {response.status for response in responses} == {200}
    assert len(loads) == 1


async def test_nothing_is_ready_before_the_models_are(fraud_store: Path) -> None:
    async with door(fraud_store, load=False) as handler:
        ready = await handler.handle(Request("GET", "/readyz"))
        alive = await handler.handle(Request("GET", "/healthz"))
        scored = await post(handler, "/score", b'{"data": [[1]]}')
    assert (ready.status, alive.status, scored.status) == (503, 200, 503)


async def test_traffic_is_shared_by_the_requests_own_bytes(fraud_store: Path) -> None:
    shares = [Deployment(name="blue", model="fraud:1", traffic=70), Deployment(name="green", model="fraud", traffic=30)]
    async with door(fraud_store, *shares) as handler:
        models = handler._service.models
        chosen = [models.choose(b"%d" % number) for number in range(2000)]
        again = [models.choose(b"%d" % number) for number in range(2000)]
    assert chosen == again


async def test_our_own_failure_says_nothing_of_our_insides(fraud_store: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with door(fraud_store) as handler:
        handler._service.models.choose(b"").pipeline.score = lambda events, form, seen: 1 / 0
        response = await post(handler, "/models/fraud/predictions", GOOD[0])
    assert response.status == 500
    assert "division" not in problem(response)["detail"]
    assert "division" in caplog.text
