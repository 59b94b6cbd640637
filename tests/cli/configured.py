"""The configuration of a worker, and the store that it names."""

from pathlib import Path

from models import LocalStore
from tests.brokers import unique_topic
from tests.models.graphs import payments, payments_manifest

NOWHERE = "localhost:1"


def configuration(folder: Path, servers: str = NOWHERE, **changes) -> dict:
    """Put a certified model into a store, and return the settings of a worker that serves it."""
    if not (folder / "store").exists():
        LocalStore(folder / "store").add(payments_manifest(event_id=("id",)), payments())
    stream = {
        "source": {"kind": "kafka", "bootstrap_servers": servers, "topic": "events", "group": unique_topic("group")},
        "sink": {"kind": "kafka", "topic": "predictions"},
        "dead_letters": {"kind": "kafka", "topic": "dead"},
        "health": {"port": 0},
    }
    settings = {"store": "store", "deployments": [{"name": "blue", "model": "payments:1"}], "stream": stream}
    for path, value in changes.items():
        *above, key = path.split("__")
        inner = settings
        for part in above:
            inner = inner[part]
        inner[key] = value
    return settings
