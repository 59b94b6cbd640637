"""The Azure Functions shell: the handler behind plain asynchronous functions.

It translates and does nothing else. There is one function for each family of routes, so that each is measured under a
name of its own, and `wrong_path` for the paths that do not exist: the handler answers those too, in the same words as
behind any other server. Every function takes every method for the same reason.

The names matter: where two routes fit a path, the host takes the function whose name is first in the alphabet. So the
narrower route has the earlier name.

What is open to everybody (health, and the page to try it on) is anonymous. So are the others by default: Weir's own
authenticator asks for a key or a token there, as it does in a container, and a caller with a token has no Functions key
to send. With WEIR_FUNCTIONS_AUTH_LEVEL=function the host asks for one of its keys besides.
"""

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import azure.functions as func

from function_app.http import Request, Response
from function_app.problems import bad_request, problem_response
from function_app.startup import auth_level, current, warm_up

__all__ = ["app"]

_OPEN: Final = {
    "docs": "docs",
    "health": "health",
    "health_v2": "v2/health/{*path}",
    "healthz": "healthz",
    "ping": "ping",
    "readyz": "readyz",
}
_CLOSED: Final = {
    "invocations": "invocations",
    "models": "models/{*path}",
    "openapi": "openapi.json",
    "score": "score",
    "swagger": "swagger.json",
    "v2": "v2/{*path}",
    "wrong_path": "{*path}",
}
_MAX_QUERY_FIELDS: Final = 100

app = func.FunctionApp()


async def answer(req: func.HttpRequest) -> func.HttpResponse:
    """Answer a request."""
    try:
        request = _request(req)
    except ValueError:
        return _response(problem_response(bad_request("the URL cannot be read")))
    return _response(await current().handle(request))


def _request(req: func.HttpRequest) -> Request:
    url = urlsplit(req.url)
    query = parse_qsl(url.query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    headers = {name.lower(): value for name, value in req.headers.items()}
    return Request(req.method.upper(), unquote(url.path), headers, req.get_body(), dict(query))


def _response(response: Response) -> func.HttpResponse:
    # the content's type goes among the headers as it is; from a mimetype alone, a charset would be added to some
    headers = {**response.headers, "Content-Type": response.content_type}
    return func.HttpResponse(response.body, status_code=response.status, headers=headers)


def _index(routes: dict[str, str], level: func.AuthLevel) -> None:
    for name, route in routes.items():
        app.function_name(name)(app.route(route=route, methods=list(func.HttpMethod), auth_level=level)(answer))


_index(_OPEN, func.AuthLevel.ANONYMOUS)
_index(_CLOSED, func.AuthLevel(auth_level()))
warm_up()
