"""What a worker and a server told, once for all tests of the views."""

from collections.abc import Iterator

import pytest

from tests.conftest import refuse
from tests.emulators.ingestion import Ingestion, ingestion_server
from tests.observing.views.languages import missing_tools
from tests.observing.views.prometheus import series_of
from tests.observing.views.tables import Row, rows_of
from tests.observing.views.traffic import make_traffic


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingestion]:
    """What arrived at both kinds of backend."""
    if missing_tools():
        refuse(missing_tools())
    with ingestion_server() as server, pytest.MonkeyPatch.context() as environment:
        for name, value in (server.azure_monitor | server.collector).items():
            environment.setenv(name, value)
        environment.setenv("OTEL_TRACES_SAMPLER", "always_on")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        environment.setenv("OTEL_BLRP_SCHEDULE_DELAY", "200")
        make_traffic(tmp_path_factory.mktemp("told"), server)
        environment.undo()
        yield server


@pytest.fixture(scope="session")
def rows(told: Ingestion) -> dict[str, list[Row]]:
    """What arrived for Application Insights, by table."""
    return rows_of(told.envelopes)


@pytest.fixture(scope="session")
def series(told: Ingestion) -> dict[str, frozenset[str]]:
    """What arrived for Prometheus: the labels of each series."""
    return dict(series_of(told.otlp["/v1/metrics"]))
