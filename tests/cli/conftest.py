"""Configurations that several tests of the command line are given."""

from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, unique_topic
from tests.cli.configured import configuration


@pytest.fixture
def streaming(broker: Broker, tmp_path: Path) -> dict[str, Any]:
    """A configuration whose topics are all there."""
    settings = configuration(tmp_path, broker.bootstrap_servers)
    for key in ("source", "sink", "dead_letters"):
        settings["stream"][key]["topic"] = broker.create_topic(unique_topic(key), 2)
    return settings


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, Any]:
    """A configuration without a stream."""
    settings = configuration(tmp_path)
    del settings["stream"]
    return settings
