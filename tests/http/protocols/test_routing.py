"""Which route answers, and which model a path names."""

import pytest

from function_app.http import Request, Response
from function_app.problems import ProblemError, problem_response
from function_app.routing import Route, Routes


async def nothing(_: Request, __: str) -> Response:
    return Response(200)


ROUTES = Routes(
    Route(method, path, nothing)
    for method, path in [
        ("GET", "/models"),
        ("GET", "/models/{name}"),
        ("POST", "/models/{name}/score"),
        ("POST", "/models/{name}/versions/{version}/score"),
        ("PUT", "/a.b/{name}"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "pattern", "name"),
    [
        ("GET", "/models", "/models", ""),
        ("GET", "/models/x", "/models/{name}", "x"),
        ("POST", "/models/x:3/score", "/models/{name}/score", "x:3"),
        ("POST", "/models/x/versions/3/score", "/models/{name}/versions/{version}/score", "x:3"),
        ("POST", "/models/{name}/score", "/models/{name}/score", "{name}"),
    ],
)
def test_a_path_names_a_model(method: str, path: str, pattern: str, name: str) -> None:
    route, found = ROUTES.find(Request(method, path))
    assert (route.path, found) == (pattern, name)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/models/", 404),
        ("POST", "/models//score", 404),
        ("POST", "/models/x/y/score", 404),
        ("POST", "/models/x/versions//score", 404),
        ("POST", "/models/x/score/", 404),
        ("PUT", "/aXb/x", 404),
        ("GET", "/models/x/score", 405),
        ("DELETE", "/models", 405),
    ],
)
def test_a_path_that_is_none(method: str, path: str, status: int) -> None:
    with pytest.raises(ProblemError) as problem:
        ROUTES.find(Request(method, path))
    assert problem.value.status == status


def test_a_route_refuses_with_problem_documents_unless_its_protocol_has_words_of_its_own() -> None:
    assert {route.refuse for route in ROUTES.all} == {problem_response}
