"""Our own protocol: a list of events in, the outcomes out as a stream would publish them, one for each, in place."""

from collections.abc import Sequence

import msgspec

from function_app.bodies import raw_items
from function_app.http import Request, Response
from function_app.problems import bad_request
from function_app.routing import Route
from function_app.service import Service, want_json
from scoring import Event, Form, Outcome

__all__ = ["routes"]

_FORMS: dict[str, Form] = {"event": "event", "record": "record", "row": "row"}
_encode = msgspec.json.Encoder().encode


def routes(service: Service) -> list[Route]:
    """Return `POST /models/{name}/predictions`."""

    async def predict(request: Request, name: str) -> Response:
        want_json(request)
        batcher = await service.batcher(request, name)
        events = list(map(Event, raw_items(request.body, service.settings.limits)))
        return _answer(await service.score(batcher, events, _form(request), named=True))

    return [Route("POST", "/models/{name}/predictions", predict)]


def _form(request: Request) -> Form:
    """Return how the items carry the features: `?form=record` by name, `?form=row` by place, else as events do."""
    form = request.query.get("form", "event")
    if form not in _FORMS:
        raise bad_request(f"form {form[:20]!r}; expected event, record or row")
    return _FORMS[form]


def _answer(outcomes: Sequence[Outcome]) -> Response:
    """Return the outcomes: predictions byte for byte as on a stream, rejections with code, reason and field."""
    return Response(200, b"[" + b",".join(map(_encode, outcomes)) + b"]")
