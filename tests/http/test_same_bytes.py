"""The same event gives the same bytes over HTTP, one by one and in batches, as through the stream's pipeline."""

from pathlib import Path

import pytest

from examples.fraud.events import events
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Prediction, encode
from tests.http.doors import door, post

EVENTS = 10_000


@pytest.fixture(scope="module")
def streamed(fraud_store: Path) -> dict[bytes, bytes]:
    """The bytes that the stream would publish for each event, in batches of the stream's size."""
    pipeline = load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))
    bodies = [event.value for event in events(EVENTS, malformed=0)]
    outcomes = [
        out
        for start in range(0, EVENTS, 4096)
        for out in pipeline.score([Event(b) for b in bodies[start : start + 4096]])
    ]
    assert all(isinstance(outcome, Prediction) for outcome in outcomes)
    return dict(zip(bodies, encode(outcomes), strict=True))


@pytest.mark.parametrize("size", [1, 7, 500])
async def test_ten_thousand_events_get_the_bytes_of_the_stream(fraud_store: Path, streamed, size: int) -> None:
    bodies = list(streamed)
    async with door(fraud_store) as handler:
        for start in range(0, EVENTS, size):
            asked = bodies[start : start + size]
            body = asked[0] if size == 1 else b"[" + b",".join(asked) + b"]"
            response = await post(handler, "/models/fraud@champion/predictions", body)
            assert response.body == b"[" + b",".join(streamed[event] for event in asked) + b"]"
