"""Two versions share the traffic, one listens, and the shares are changed in the file while requests go on."""

import asyncio
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from examples.fraud.events import events
from models import Deployment, LocalStore
from tests.http.doors import door, post
from tests.http.running import serving

BODIES = [event.value for event in events(400, malformed=0)]


@pytest.fixture
def two_versions(fraud_store: Path, tmp_path: Path) -> Path:
    store = LocalStore(shutil.copytree(fraud_store, tmp_path / "store"))
    store.add(store.manifest("fraud", 1), store.model("fraud", 1))
    return tmp_path / "store"


def shares(blue: int, green: int) -> list[dict]:
    return [
        {"name": "blue", "model": "fraud:1", "traffic": blue},
        {"name": "green", "model": "fraud:2", "traffic": green, "mirror": 100},
    ]


async def test_each_deployment_gets_its_share_by_the_requests_own_bytes(two_versions: Path) -> None:
    deployments = [Deployment.model_validate(share) for share in shares(70, 30)]
    async with door(two_versions, *deployments) as handler:
        models = handler._service.models
        versions = Counter(models.choose(body).pipeline.manifest.version for body in BODIES)
        again = Counter(models.choose(body).pipeline.manifest.version for body in BODIES)
    assert versions == again
    assert 220 < versions[1] < 340


async def test_a_mirror_scores_what_others_answer_and_fails_nobody(two_versions: Path) -> None:
    deployments = [Deployment.model_validate(share) for share in shares(100, 0)]
    async with door(two_versions, *deployments) as handler:
        models = handler._service.models
        mirror = models._deployed["green"]
        heard = []

        def fail(events, form, seen):
            heard.append(len(events))
            raise ZeroDivisionError

        mirror.pipeline.score = fail
        record = json.loads(BODIES[0])
        response = await post(handler, "/score", {"data": [flat(models, record)]})
        await asyncio.sleep(0.05)
    assert response.status == 200
    assert heard == [1]


def flat(models, event: dict) -> dict:
    """The event's features by name."""
    values = {}
    for feature in models.choose(b"").pipeline.manifest.features:
        value = event
        for key in feature.path:
            value = value[key]
        values[feature.name] = value
    return values


async def test_shares_are_changed_while_serving_and_a_wrong_sum_changes_nothing(
    two_versions: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, two_versions) as server:
        config = tmp_path / "weir.yaml"

        def deploy(*wanted: dict) -> None:
            content = yaml.safe_load(config.read_text()) | {"deployments": list(wanted)}
            config.with_suffix(".new").write_text(yaml.safe_dump(content))
            config.with_suffix(".new").replace(config)

        async def answered_by() -> int:
            status, body = await asyncio.to_thread(server.ask, "GET", "/openapi.json")
            assert status == 200
            return json.loads(body)["info"]["version"]

        async def until(version: str) -> None:
            async with asyncio.timeout(20):
                while await answered_by() != version:
                    await asyncio.sleep(0.05)

        await until("1")
        deploy(*shares(0, 100))
        await until("2")
        deploy(*shares(50, 60))
        await asyncio.sleep(1)
        assert await answered_by() == "2"
        deploy(*shares(100, 0))
        await until("1")
        assert "traffic must sum to 100, not 110" in "".join(server.log)


async def test_a_bare_name_means_what_is_deployed_and_not_the_newest(two_versions: Path) -> None:
    async with door(two_versions, Deployment(name="blue", model="fraud@champion", traffic=100)) as handler:
        bare = await post(handler, "/models/fraud/predictions", BODIES[0])
        newest = await post(handler, "/models/fraud:2/predictions", BODIES[0])
    assert [json.loads(response.body)[0]["model"]["version"] for response in (bare, newest)] == [1, 2]
