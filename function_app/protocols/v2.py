"""The Open Inference Protocol 2 (KServe, Triton): health, metadata and inference, for their clients as they are.

Errors are `{"error": "..."}`. The index of the repository is Triton's; models are neither loaded nor unloaded by
request, since the deployments say what is served.
"""

from typing import Any

from function_app.http import Request, Response, json_response
from function_app.problems import ProblemError
from function_app.protocols.v2_infer import HEADER_LENGTH, infer
from function_app.protocols.v2_metadata import model_metadata
from function_app.routing import Answer, Route
from function_app.service import Service, want_json

__all__ = ["routes"]

_SERVER = {"name": "weir", "version": "0.1.0", "extensions": ["binary_tensor_data"]}
_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"


def routes(service: Service) -> list[Route]:
    """Return the routes below `/v2`."""

    async def alive(_: Request, __: str) -> Response:
        return json_response({"live": True})

    async def ready(_: Request, __: str) -> Response:
        is_ready = not service.models.why_not_ready
        return json_response({"ready": is_ready}, status=200 if is_ready else 503)

    async def server(_: Request, __: str) -> Response:
        return json_response(_SERVER)

    async def model(request: Request, name: str) -> Response:
        batcher = await service.batcher(request, name)
        return json_response(await service.in_thread(model_metadata, batcher.pipeline))

    async def model_ready(request: Request, name: str) -> Response:
        batcher = await service.batcher(request, name)
        return json_response({"name": batcher.pipeline.manifest.name, "ready": True})

    async def score(request: Request, name: str) -> Response:
        header_length = request.headers.get(HEADER_LENGTH.lower())
        if header_length is None:
            want_json(request)
        batcher = await service.batcher(request, name)
        limits = service.settings.limits
        with service.scoring(batcher):
            return await service.in_thread(infer, request.body, header_length, batcher.pipeline, limits)

    async def index(request: Request, _: str) -> Response:
        return json_response([await _entry(service, request, name) for name in service.models.names()])

    return [
        _route("GET", "/v2/health/live", alive, is_open=True),
        _route("GET", "/v2/health/ready", ready, is_open=True),
        _route("GET", "/v2", server),
        _route("POST", "/v2/repository/index", index),
        *(_route("GET", base, model) for base in (_MODEL, _VERSION)),
        *(_route("GET", f"{base}/ready", model_ready) for base in (_MODEL, _VERSION)),
        *(_route("POST", f"{base}/infer", score) for base in (_MODEL, _VERSION)),
    ]


def _route(method: str, path: str, answer: Answer, *, is_open: bool = False) -> Route:
    return Route(method, path, answer, is_open=is_open, refuse=_refusal)


def _refusal(problem: ProblemError) -> Response:
    return json_response({"error": problem.detail}, status=problem.status, headers=problem.headers)


async def _entry(service: Service, request: Request, name: str) -> dict[str, Any]:
    """Return what the index says of a deployed model: the version that its bare name means, and its state."""
    try:
        manifest = (await service.batcher(request, name)).pipeline.manifest
    except ProblemError as problem:
        return {"name": name, "version": "", "state": "UNAVAILABLE", "reason": problem.detail}
    return {"name": name, "version": str(manifest.version), "state": "READY", "reason": ""}
