"""The service's own documents: OpenAPI 3.1, Swagger 2.0, and a page to try the model on.

Rules:
- The page is open and holds nothing of the model; the two documents are behind the authenticator, for they tell names
  and values that training saw. The page fetches them with the key that its reader types.
- What a document says that the model answers, the model has answered.
"""

import re
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from function_app.batching import Batcher
from function_app.http import Request, Response, json_response
from function_app.openapi import Sample, Subject, inference_body, openapi_document, swagger_document
from function_app.pages import docs_page
from function_app.problems import ProblemError
from function_app.protocols.v2_infer import infer
from function_app.protocols.v2_metadata import model_metadata
from function_app.routing import Route
from function_app.service import Service
from function_app.settings import HttpSettings, LimitSettings
from scoring import Event, Pipeline, Rejected
from scoring.errors import WeirError
from scoring.examples import example_event

__all__ = ["routes"]

# a host is written into programs that people paste into a shell
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")
_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def routes(service: Service) -> list[Route]:
    """Return `/openapi.json`, `/swagger.json` and `/docs`."""
    samples: WeakKeyDictionary[Batcher, Sample] = WeakKeyDictionary()
    page = docs_page(service.settings.auth.mode)

    async def subject(request: Request) -> Subject:
        named = request.query.get("model", "")
        batcher = await service.models.named(named) if named else service.models.choose(b"")
        sample = samples.get(batcher) or await _sample(service, batcher)
        if sample is not None:
            samples[batcher] = sample
        return Subject(
            manifest=batcher.pipeline.manifest,
            settings=service.settings,
            address=_address(request, service.settings),
            named=named,
            sample=sample,
        )

    async def openapi(request: Request, _: str) -> Response:
        return json_response(openapi_document(await subject(request)), headers=_PRIVATE)

    async def swagger(request: Request, _: str) -> Response:
        return json_response(swagger_document(await subject(request)), headers=_PRIVATE)

    async def docs(_: Request, __: str) -> Response:
        return page

    return [
        Route("GET", "/openapi.json", openapi),
        Route("GET", "/swagger.json", swagger),
        Route("GET", "/docs", docs, is_open=True),
    ]


async def _sample(service: Service, batcher: Batcher) -> Sample | None:
    """Return what the model answers to the example; None where it cannot, or not in time."""
    try:
        return await service.in_thread(_answered, batcher.pipeline, service.settings.limits)
    except (ProblemError, WeirError):
        return None


def _answered(pipeline: Pipeline, limits: LimitSettings) -> Sample | None:
    event = Event(example_event(pipeline.manifest))
    (prediction,), (classes,) = pipeline.score([event]), pipeline.score_classes([event])
    if isinstance(prediction, Rejected) or isinstance(classes, Rejected):
        return None
    metadata = model_metadata(pipeline)
    asked = msgspec.json.encode(inference_body(pipeline.manifest, metadata["inputs"]))
    inference = msgspec.json.decode(infer(asked, None, pipeline, limits).body)
    return Sample(prediction, classes, metadata, inference)


def _address(request: Request, settings: HttpSettings) -> str:
    """Return where the caller found this service, as far as it can be told."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = f"{settings.host}:{settings.port}"
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    return f"{'https' if forwarded == 'https' else 'http'}://{host}"
