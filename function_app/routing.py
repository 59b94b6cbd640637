"""Which route answers a request."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from function_app.http import Request, Response
from function_app.problems import ProblemError

__all__ = ["Answer", "Route", "Routes"]

Answer = Callable[[Request, str], Awaitable[Response]]
"""Answers a request, given also the part of its path that a pattern's `{name}` stood for; empty where it has none."""


class Route(NamedTuple):
    """One route.

    Attributes:
        method: the method it wants.
        path: exact, or with `{name}` for one part of it.
        answer: what answers it.
        is_open: whether it is answered without authentication.
    """

    method: str
    path: str
    answer: Answer
    is_open: bool = False


class Routes:
    """All routes of the door."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = tuple(routes)
        self._exact = {(route.method, route.path): route for route in self.all if "{" not in route.path}
        self._patterns = [(route, *route.path.partition("{name}")) for route in self.all if "{" in route.path]

    def find(self, request: Request) -> tuple[Route, str]:
        """Return a request's route, and the name in its path.

        Raises:
            ProblemError: 404, there is no such path; 405, not with this method.
        """
        exact = self._exact.get((request.method, request.path))
        if exact is not None:
            return exact, ""
        found = [
            (route, request.path[len(head) : len(request.path) - len(tail)])
            for route, head, _, tail in self._patterns
            if _stands_for_one_part(request.path, head, tail)
        ]
        for route, name in found:
            if route.method == request.method:
                return route, name
        allowed = {route.method for route, _ in found} | {m for m, path in self._exact if path == request.path}
        if not allowed:
            raise ProblemError(404, f"there is no {request.path[:200]}")
        methods = ", ".join(sorted(allowed))
        raise ProblemError(405, f"{request.path[:200]} takes {methods}", headers={"Allow": methods})


def _stands_for_one_part(path: str, head: str, tail: str) -> bool:
    middle = path[len(head) : len(path) - len(tail)]
    return len(path) > len(head) + len(tail) and path.startswith(head) and path.endswith(tail) and "/" not in middle
