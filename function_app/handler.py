"""The one handler: a request in, a response out, with no framework and no shell in it.

Rules:
- Whatever is wrong with a request ends as a problem document; whatever is wrong with us ends as one too, that says
  nothing of our insides.
- Who asks is known before what is asked is looked at.
"""

import logging

from function_app.auth import Authenticator
from function_app.http import Request, Response
from function_app.problems import ProblemError, problem_response
from function_app.protocols import azureml, documents, health, mlflow, predictions, v2
from function_app.routing import Route, Routes
from function_app.service import Service
from scoring.errors import WeirError
from telemetry import NullRequests, RequestObserver

__all__ = ["Handler"]

_LOG = logging.getLogger(__name__)
_PROTOCOLS = (health, azureml, mlflow, v2, predictions, documents)
_UNWATCHED = NullRequests()
_FAILED = 500


class Handler:
    """Answers every route of the HTTP door."""

    def __init__(self, service: Service, authenticator: Authenticator, observer: RequestObserver = _UNWATCHED) -> None:
        """Put the parts together.

        Args:
            service: scores.
            authenticator: knows who asks.
            observer: is told of requests, but for probes and pages, which nobody needs to see.
        """
        self._service = service
        self._authenticator = authenticator
        self._observer = observer
        self._limits = service.settings.limits
        self._under_way = 0
        self.routes = Routes(route for protocol in _PROTOCOLS for route in protocol.routes(service))

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request."""
        try:
            route, name = self.routes.find(request)
        except ProblemError as problem:
            response = problem_response(problem)
            self._observer.began(request.method, request.path, request.headers).ended("", response.status)
            return response
        if route.is_open:
            return await self._answer(request, route, name)
        watched = self._observer.began(request.method, request.path, request.headers)
        status = _FAILED
        try:
            response = await self._answer(request, route, name)
            status = response.status
            return response
        finally:
            watched.ended(route.path, status)

    def refuse(self, request: Request, problem: ProblemError) -> Response:
        """Return the answer to a request whose body was not read to its end, for a reason that its shell has."""
        response = problem_response(problem)
        try:
            route, _ = self.routes.find(request)
        except ProblemError:
            path = ""
        else:
            if route.is_open:
                return response
            path = route.path
        self._observer.began(request.method, request.path, request.headers).ended(path, response.status)
        return response

    async def _answer(self, request: Request, route: Route, name: str) -> Response:
        refuse = route.refuse
        self._under_way += 1
        try:
            if not route.is_open:
                await self._authenticator.check_async(request)
                self._check_limits(request)
            return await route.answer(request, name)
        except ProblemError as problem:
            return refuse(problem)
        except WeirError as error:
            return refuse(ProblemError(error.status, str(error)))
        except Exception:  # noqa: BLE001 - the last door: a caller is told nothing of our insides
            _LOG.exception("a request to %s failed", request.path[:200])
            return refuse(ProblemError(500, "the request failed; the server's log says why"))
        finally:
            self._under_way -= 1

    def _check_limits(self, request: Request) -> None:
        limits = self._limits
        if self._under_way > limits.concurrent_requests:
            raise ProblemError(
                503, f"{limits.concurrent_requests} requests are under way; try again", headers={"Retry-After": "1"}
            )
        if len(request.body) > limits.body_bytes:
            raise ProblemError(413, f"the body has {len(request.body)} bytes; at most {limits.body_bytes} are accepted")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise ProblemError(415, "compressed bodies are not accepted; send the body as it is")
