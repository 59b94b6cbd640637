"""The small models in a store, and a handler over them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from function_app.handler import Handler
from models import LocalStore
from tests.http.doors import door
from tests.http.protocols.stored import DEPLOYMENTS, add_models


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store's folder; nothing is added to it."""
    folder = tmp_path_factory.mktemp("protocols") / "store"
    add_models(LocalStore(folder))
    return folder


@pytest.fixture
def models(root: Path) -> LocalStore:
    return LocalStore(root)


@pytest.fixture
async def handler(root: Path) -> AsyncIterator[Handler]:
    """A handler for which `payments:1` answers what names no model."""
    async with door(root, *DEPLOYMENTS, limits={"rows": 300, "body_bytes": 200_000}) as handler:
        yield handler
