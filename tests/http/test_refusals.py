"""Whoever is refused is told so in the words of the protocol that they speak, however early it happens."""

import json
from pathlib import Path

import pytest

from function_app.http import Request
from function_app.problems import ProblemError
from tests.http.doors import door

KINDS = {"/v2/models/fraud/infer": "error", "/invocations": "message", "/score": "detail"}


@pytest.mark.parametrize(("path", "word"), KINDS.items())
async def test_before_the_route_is_asked(fraud_store: Path, path: str, word: str) -> None:
    async with door(fraud_store, limits={"body_bytes": 2000}) as handler:

        async def refuse(_: Request) -> None:
            raise ProblemError(401, "send a key")

        large = await handler.handle(Request("POST", path, {}, b" " * 2001))
        handler._authenticator.check_async = refuse
        unknown = await handler.handle(Request("POST", path, {}, b"{}"))
    assert (large.status, unknown.status) == (413, 401)
    assert "at most 2000" in json.loads(large.body)[word]
    assert json.loads(unknown.body)[word] == "send a key"
