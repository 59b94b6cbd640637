"""Workers on event hubs, and a producer of their events."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.chaos.hubs_auditor import HubsAuditor
from tests.emulators.event_hubs import EventHubsServer

__all__ = ["configure_hubs", "flowing_hubs"]

_PARTITIONS = 4


def configure_hubs(folder: Path, auditor: HubsAuditor, store: Path, **stream: object) -> Path:
    """Write the workers' configuration, all but the secrets."""
    topics = auditor.topics
    source = {"kind": "event_hubs", "hub": topics.source, "group": topics.group, "session_timeout_s": 4}
    settings = {
        "store": str(store),
        "deployments": [{"name": "blue", "model": "fraud@champion"}],
        "stream": {
            "source": source | {"checkpoints": {"container": auditor.container_name}},
            "sink": {"kind": "event_hubs", "hub": topics.sink},
            "dead_letters": {"kind": "event_hubs", "hub": topics.dead_letters},
            "health": None,
            **stream,
        },
    }
    path = folder / "weir.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@contextmanager
def flowing_hubs(hubs: EventHubsServer, auditor: HubsAuditor, *, rate: float) -> Iterator[None]:
    """Store the auditor's events, by key, at a rate, while the block runs."""
    over = threading.Event()
    thread = threading.Thread(target=_produce, args=(hubs, auditor, rate, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _produce(hubs: EventHubsServer, auditor: HubsAuditor, rate: float, over: threading.Event) -> None:
    offsets = [0] * _PARTITIONS
    chunk = max(1, int(rate / 50))
    for start in range(0, len(auditor.sent), chunk):
        for event in auditor.sent[start : start + chunk]:
            partition = sum(event.key) % _PARTITIONS
            # noted before it is stored, so that no answer can come before the note
            auditor.at[partition, offsets[partition]] = event
            offsets[partition] += 1
            hubs.append(auditor.topics.source, partition, event.value, key=event.key.decode())
        if over.wait(chunk / rate):
            return
