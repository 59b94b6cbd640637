"""A function app as it would be deployed, and the runtime to run it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.conftest import refuse
from tests.http.azure.environment import ROOT, runtime_python
from tests.http.azure.host import FunctionHost
from tests.http.requests_suite import ENVIRONMENT, configuration


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of a function app; the test is skipped, or fails in CI, where it cannot be had."""
    try:
        return runtime_python()
    except RuntimeError as error:
        refuse(f"the Functions runtime could not be installed: {error}")
        raise


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository without what `.funcignore` names."""
    folder = tmp_path_factory.mktemp("deployed") / "app"
    lines = (ROOT / ".funcignore").read_text().splitlines()
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]

    def ignored(where: str, names: list[str]) -> set[str]:
        top = Path(where) == ROOT
        return {name for name in names for pattern in patterns if _fits(pattern, name, top=top)}

    shutil.copytree(ROOT, folder, ignore=ignored)
    return folder


def _fits(pattern: str, name: str, *, top: bool) -> bool:
    return fnmatch(name, pattern.removeprefix("/")) and (top or not pattern.startswith("/"))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that serves the model of the suite of requests."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return configuration(tmp_path)


@pytest.fixture
def make_host(python: Path, deployed: Path) -> Iterator[Callable[..., FunctionHost]]:
    """Start the deployed function app: `make_host(WEIR_CONFIG=...)`."""
    with ExitStack() as stack:

        def make(**environment: str) -> FunctionHost:
            return stack.enter_context(FunctionHost(python, deployed, ENVIRONMENT | environment))

        yield make
