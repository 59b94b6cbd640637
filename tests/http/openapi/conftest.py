"""The store and the servers that these tests share.

kinds_store     the folder of a store with a model of every kind
payments_server `weir serve` over it: `payments` is deployed, and a key is asked for
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.openapi.kinds import fill
from tests.http.running import Serving, serving


@pytest.fixture(scope="session")
def kinds_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("kinds") / "store")


@pytest.fixture(scope="session")
def payments_server(kinds_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("serving"), kinds_store, model="payments@champion") as server:
        yield server
