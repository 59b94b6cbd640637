"""What a process needs to know to replay groups: a description that can be sent to it, and what it opens of that, once.

A process of this machine and an executor of a cluster work by the same description.
"""

# ruff: noqa: PLC0415 - client libraries are imported only where something of their kind is named

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from models import LocalStore, Reference, load_pipeline
from models.session import Provider
from scoring import Manifest, Pipeline
from stream_worker.connectors import make_sink
from stream_worker.ports import Sink
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import folder_at
from stream_worker.replay.group import Progress, replay_group
from stream_worker.replay.journal import Journal
from stream_worker.replay.limits import Limits
from stream_worker.replay.parts import PART_RECORDS, Destination, FileParts, NoParts
from stream_worker.replay.records import Cursor, Group, Portion
from stream_worker.replay.rows import RowFormat, rows_in
from stream_worker.replay.selection import Selection
from stream_worker.settings import StreamSettings
from telemetry.logs import Redactor, secrets_in
from telemetry.settings import TelemetrySettings
from telemetry.setup import Telemetry

__all__ = ["Job", "ReadArchive", "Replay", "ServedModel", "replayer"]


class ReadArchive(Protocol):
    """Reads a group of an archive; it must be a function of a module, for it is sent to other processes by name."""

    def __call__(
        self, group: Group, *, manifest: Manifest, cursor: Cursor | None, storage: StorageOptions, limits: Limits
    ) -> Iterator[Portion]:
        """Yield the group's portions from a cursor on; None is its beginning."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A version of a model, and how it is served.

    Attributes:
        store: the folder of its store.
        name: its name there.
        version: its number; an alias may move while a replay is under way.
        allow_uncertified: serve it without a passed certificate.
        providers: what it runs on, best first.
        max_event_bytes: the largest event that is decoded.
    """

    store: Path
    name: str
    version: int
    allow_uncertified: bool
    providers: tuple[Provider, ...]
    max_event_bytes: int

    def load(self) -> Pipeline:
        """Return the pipeline over it.

        Raises:
            WeirError: it is not there, or must not be served.
        """
        return load_pipeline(
            LocalStore(self.store),
            Reference(name=self.name, version=self.version),
            allow_uncertified=self.allow_uncertified,
            providers=self.providers,
            max_event_bytes=self.max_event_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a process needs to know.

    Attributes:
        model: what scores.
        read: the archive's reader.
        storage: how blob storage is reached.
        limits: what the reader holds at once.
        selection: which records are asked for.
        work: where the journals are.
        output: where the parts go.
        rows: their form; None where the answers go to a stream, or nowhere.
        stream: the stream that they go to.
        part_records: how many records make a part.
        telemetry: what is told of the work; the environment of each process says where to. None
            stands for the usual.
    """

    model: ServedModel
    read: ReadArchive
    storage: StorageOptions
    limits: Limits
    selection: Selection
    work: str = ""
    output: str = ""
    rows: RowFormat | None = None
    stream: StreamSettings | None = None
    part_records: int = PART_RECORDS
    telemetry: TelemetrySettings | None = None


Replay = Callable[[Group], Generator[Progress]]
"""Replays a group from where its journal ends."""


@contextmanager
def replayer(job: Job, pipeline: Pipeline | None = None) -> Iterator[Replay]:
    """Open what a job needs, and yield what replays its groups.

    Args:
        job: its description.
        pipeline: over its model, where that is loaded already.

    Raises:
        WeirError: the model must not be served, or a stream is not there.
    """
    pipeline = pipeline or job.model.load()
    manifest = pipeline.manifest
    read: Any = partial(job.read, storage=job.storage, manifest=manifest, limits=job.limits)
    told = job.telemetry or TelemetrySettings(drift=None)
    with (
        Telemetry(told, os.environ, Redactor(secrets_in(job.stream, os.environ))) as telemetry,
        closing(folder_at(job.work, job.storage)) as work,
        _destination(job, manifest) as destination,
    ):
        observer = telemetry.slices()

        def replay(group: Group) -> Generator[Progress]:
            return replay_group(
                group,
                read=read,
                pipeline=pipeline,
                destination=destination,
                journal=Journal(work, group.name),
                selection=job.selection,
                observer=observer,
            )

        yield replay


def _destination(job: Job, manifest: Manifest) -> Destination:
    if job.stream is not None:
        from stream_worker.replay.publishing import StreamParts

        connect, timeout = partial(_sinks, job.stream), job.stream.stall_timeout_s
        return StreamParts(connect, model=manifest.reference, stall_timeout=timeout)
    if job.rows is None:
        return NoParts(job.part_records)
    return FileParts(folder_at(job.output, job.storage), rows_in(job.rows, manifest), job.part_records)


def _sinks(stream: StreamSettings) -> tuple[Sink, Sink]:
    return (
        make_sink(stream, stream.sink, name="sink"),
        make_sink(stream, stream.dead_letters, name="dead_letters"),
    )
