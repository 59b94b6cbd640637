"""A replay of payments: a store with their model, and orders that differ in what a test is about."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from models import LocalStore
from scoring import Pipeline, Prediction, encode
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.job import Job, ServedModel
from stream_worker.replay.limits import Limits
from stream_worker.replay.premises import premises_of
from stream_worker.replay.records import Group
from stream_worker.replay.run import Order
from stream_worker.replay.selection import Selection
from stream_worker.replay.targets import target_at
from stream_worker.replay.threshold import Threshold
from tests.models.graphs import payments, payments_manifest
from tests.replay.reading import FEW, read

PART = 3 * FEW
"""Records in a part."""


class Stage:
    """A folder with a store, and what is replayed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = LocalStore(folder / "store").add(payments_manifest(event_id=("id",)), payments())
        self.model = ServedModel(
            store=folder / "store",
            name="payments",
            version=1,
            allow_uncertified=False,
            providers=("cpu",),
            max_event_bytes=1_048_576,
        )
        self.pipeline: Pipeline = self.model.load()

    def order(
        self,
        groups: Sequence[Group],
        *,
        to: str = "out",
        rows: Any = "jsonl",
        options: dict[str, str] | None = None,
        reader: Any = read,
        threshold: str = "-1",
        selection: Selection | None = None,
        storage: StorageOptions | None = None,
        problems: Any = (),
        **more: Any,
    ) -> Order:
        storage = storage or StorageOptions()
        target = target_at(to if "://" in to else str(self.folder / to), storage)
        job = Job(
            model=self.model,
            read=reader,
            storage=storage,
            limits=Limits(),
            selection=selection or Selection(),
            work=str(target.work),
            output=str(target.output),
            rows=rows,
            part_records=PART,
        )
        return Order(
            groups=groups,
            problems=problems,
            target=target,
            job=job,
            manifest=self.manifest,
            premises=premises_of(self.manifest, options or {"--format": str(rows)}, groups),
            threshold=Threshold.parse(threshold),
            **more,
        )

    def published(self, groups: Sequence[Group]) -> list[bytes]:
        """What the live service would publish for the records of these groups, in order."""
        events = [event for group in groups for portion in read(group, cursor=None) for event in portion.events]
        return encode([outcome for outcome in self.pipeline.score(events) if isinstance(outcome, Prediction)])


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines(folder: Path, kind: str = "predictions") -> list[bytes]:
    """The lines of all parts of a kind, in order."""
    return [line for path in sorted((folder / kind).rglob("*.jsonl")) for line in path.read_bytes().splitlines()]


def rows_of(folder: Path, kind: str = "predictions") -> list[dict[str, Any]]:
    """The rows of all parts of a kind, in order."""
    return [row for path in sorted((folder / kind).rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def deadly(group: Group, *, cursor: Any, **more: Any) -> Iterator[Any]:
    """Read a group; whoever comes to its third portion is killed, unless a file says that this has happened before."""
    mark = Path(group.files[0].path).with_suffix(".killed")
    for number, portion in enumerate(read(group, cursor=cursor, **more)):
        if number == 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield portion
