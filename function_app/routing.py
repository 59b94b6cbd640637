"""Which route answers a request."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from function_app.http import Request, Response
from function_app.problems import ProblemError, problem_response

__all__ = ["Answer", "Route", "Routes"]

Answer = Callable[[Request, str], Awaitable[Response]]
"""Answers a request, given also the model that its path names: `name`, or `name:3` with a version; else empty."""


class Route(NamedTuple):
    """One route.

    Attributes:
        method: the method it wants.
        path: exact, or with `{name}` for one part of it, and `{version}` for a later one.
        answer: what answers it.
        is_open: whether it is answered without authentication.
        refuse: makes the response of a problem, as the route's protocol words it.
    """

    method: str
    path: str
    answer: Answer
    is_open: bool = False
    refuse: Callable[[ProblemError], Response] = problem_response


class Routes:
    """All routes of the door."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = tuple(routes)
        self._exact = {(route.method, route.path): route for route in self.all if "{" not in route.path}
        self._patterns = [(route, _pattern(route.path)) for route in self.all if "{" in route.path]

    def find(self, request: Request) -> tuple[Route, str]:
        """Return a request's route, and the model that its path names.

        Raises:
            ProblemError: 404, there is no such path; 405, not with this method.
        """
        exact = self._exact.get((request.method, request.path))
        if exact is not None:
            return exact, ""
        found = [
            (route, ":".join(match.groups()))
            for route, pattern in self._patterns
            if (match := pattern.fullmatch(request.path)) is not None
        ]
        for route, name in found:
            if route.method == request.method:
                return route, name
        allowed = {route.method for route, _ in found} | {m for m, path in self._exact if path == request.path}
        if not allowed:
            raise ProblemError(404, f"there is no {request.path[:200]}")
        methods = ", ".join(sorted(allowed))
        raise ProblemError(405, f"{request.path[:200]} takes {methods}", headers={"Allow": methods})


def _pattern(path: str) -> re.Pattern[str]:
    """Return what a path must match: each part in braces stands for one part of it."""
    return re.compile(re.escape(path).replace(r"\{name\}", "([^/]+)").replace(r"\{version\}", "([^/]+)"))
