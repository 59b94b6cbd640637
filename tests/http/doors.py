"""A handler over a store, without a server around it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from function_app.auth import NoAuthenticator
from function_app.handler import Handler
from function_app.http import Request, Response
from function_app.service import Service
from function_app.serving import Models
from function_app.settings import HttpSettings
from models import Deployment, LocalStore

__all__ = ["door", "post"]


@asynccontextmanager
async def door(store: Path, *deployments: Deployment, load: bool = True, **http: Any) -> AsyncIterator[Handler]:
    """A handler that asks nobody who they are; the fraud model answers unless deployments are given."""
    settings = HttpSettings.model_validate({"auth": {"mode": "none"}} | http)
    deployed = deployments or (Deployment(name="blue", model="fraud@champion", traffic=100),)
    models = Models(LocalStore(store), deployed, settings)
    if load:
        await models.load()
    yield Handler(Service(models, settings), NoAuthenticator())


async def post(handler: Handler, path: str, body: Any, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await handler.handle(Request("POST", path, {"content-type": "application/json"} | headers, content))
