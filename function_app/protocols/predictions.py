"""Our own protocol: a list of events in, the outcomes out as a stream would publish them, one for each, in place."""

from collections.abc import Sequence

import msgspec

from function_app.bodies import raw_items
from function_app.http import Request, Response
from function_app.routing import Route
from function_app.service import Service, want_json
from scoring import Event, Outcome

__all__ = ["routes"]

_encode = msgspec.json.Encoder().encode


def routes(service: Service) -> list[Route]:
    """Return `POST /models/{name}/predictions`."""

    async def predict(request: Request, name: str) -> Response:
        want_json(request)
        batcher = await service.batcher(request, name)
        events = list(map(Event, raw_items(request.body, service.settings.limits)))
        return _answer(await service.score(batcher, events, "event", named=True))

    return [Route("POST", "/models/{name}/predictions", predict)]


def _answer(outcomes: Sequence[Outcome]) -> Response:
    """Return the outcomes: predictions byte for byte as on a stream, rejections with code, reason and field."""
    return Response(200, b"[" + b",".join(map(_encode, outcomes)) + b"]")
