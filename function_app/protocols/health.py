"""Liveness and readiness."""

from function_app.http import Request, Response, json_response
from function_app.routing import Route
from function_app.service import Service

__all__ = ["routes"]


def routes(service: Service) -> list[Route]:
    """Return `/healthz` and `/readyz`."""

    async def alive(_: Request, __: str) -> Response:
        return json_response({"status": "ok"})

    async def ready(request: Request, name: str) -> Response:
        why = service.models.why_not_ready
        if why:
            return json_response({"status": "failing", "problems": [why]}, status=503)
        return await alive(request, name)

    return [Route("GET", "/healthz", alive, is_open=True), Route("GET", "/readyz", ready, is_open=True)]
