"""`weir replay`: score the past, from archives to files or to the stream."""

import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Self

import typer
from rich.console import Console

from scoring.errors import ConfigurationError
from stream_worker.replay import archive
from stream_worker.replay.job import Job
from stream_worker.replay.limits import Limits
from stream_worker.replay.premises import premises_of
from stream_worker.replay.processes import settle_down
from stream_worker.replay.records import ArchiveKind, Group, Problem
from stream_worker.replay.rows import rows_in
from stream_worker.replay.run import Engine, Order, run
from stream_worker.replay.sample import estimate
from stream_worker.replay.selection import Selection
from stream_worker.replay.threshold import USUAL, Threshold
from weir.compare import CompareOptions
from weir.compare import compare as compare_models
from weir.replay_options import (
    Way,
    given,
    groups_asked_for,
    milliseconds,
    planned,
    refuse_with_compare,
    served_model,
    storage_of_environment,
)
from weir.replay_screen import Screen, show_estimate, show_summary
from weir.settings import load_settings
from weir.worker import stream_settings

__all__ = ["command"]

_READ, _WRITE, _CHOOSE, _COMPARE = "What to read", "Where to write", "Which records", "Compare two models"


def _option(panel: str, *names: str, shown: str | bool = True, **more: Any) -> Any:
    """Return an option below a heading of the help, with its default in words where it has none of its own."""
    return typer.Option(*names, rich_help_panel=panel, show_default=shown, **more)


def command(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Files, folders, patterns; local or abfs://container/path.")
    ],
    *,
    config: Annotated[Path, typer.Option(help="The configuration file.")] = Path("weir.yaml"),
    model: Annotated[
        str | None, typer.Option(help="name, name:3 or name@champion.", show_default="the deployed one")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 1,
    engine: Annotated[Engine, typer.Option(help="This machine's processes, or a Spark cluster.")] = "local",
    master: Annotated[
        str | None, typer.Option(help="The Spark cluster's address.", show_default="Spark's own configuration")
    ] = None,
    error_threshold: Annotated[
        str | None,
        typer.Option(
            help="Stop after more dead letters and problems: 100, 5%, or -1 for never.",
            show_default="half, from 65536 records on",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Score a sample, estimate the rest, write nothing.")
    ] = False,
    to: Annotated[
        str | None, _option(_WRITE, shown=False, help="A folder, local or abfs://; or one file, .parquet or .jsonl.")
    ] = None,
    rows: Annotated[
        str | None, _option(_WRITE, "--format", shown="parquet", help="parquet or jsonl, for the files in a folder.")
    ] = None,
    summary_only: Annotated[bool, _option(_WRITE, "--summary-only", help="Write no rows, just counts.")] = False,
    overwrite: Annotated[bool, _option(_WRITE, "--overwrite", help="Replace what is there.")] = False,
    to_stream: Annotated[
        bool, _option(_WRITE, "--to-stream", help="Publish to stream.sink and stream.dead_letters instead.")
    ] = False,
    journal: Annotated[Path, _option(_WRITE, help="The folder that remembers how far --to-stream is.")] = Path(
        "replay.journal"
    ),
    kind: Annotated[ArchiveKind | None, _option(_READ, shown="by their names", help="What the files are.")] = None,
    pattern: Annotated[
        str | None,
        _option(_READ, shown="Azure's own", help="How paths of a Capture are made: {EventHub}/{PartitionId}/..."),
    ] = None,
    column: Annotated[
        str | None,
        _option(_READ, shown="value, body or Body", help="The column of a Parquet file that holds the event."),
    ] = None,
    stream: Annotated[
        str | None, _option(_READ, shown="what the archive says", help="The topic or hub that the events stood in.")
    ] = None,
    partition: Annotated[
        list[int] | None, _option(_CHOOSE, shown="all", min=0, help="Only this partition; may be given again.")
    ] = None,
    from_time: Annotated[
        str | None, _option(_CHOOSE, shown=False, help="Appended at or after, as 2026-11-20T09:30:00Z.")
    ] = None,
    to_time: Annotated[str | None, _option(_CHOOSE, shown=False, help="Appended before.")] = None,
    from_sequence: Annotated[
        int | None, _option(_CHOOSE, shown=False, min=0, help="The first sequence number or offset.")
    ] = None,
    to_sequence: Annotated[int | None, _option(_CHOOSE, shown=False, min=0, help="The one to stop before.")] = None,
    compare: Annotated[
        tuple[str, str] | None,
        _option(_COMPARE, shown=False, metavar="CHAMPION CHALLENGER", help="Both answer; --to gets a report."),
    ] = None,
    label: Annotated[
        str | None, _option(_COMPARE, shown=False, help="Where events carry the truth: a path, or a column.")
    ] = None,
    labels: Annotated[
        str | None, _option(_COMPARE, shown=False, help="A .csv or .parquet file with event_id and label instead.")
    ] = None,
) -> None:
    """Score past events: Event Hubs Capture, JSON Lines or Parquet, to files or to the stream.

    The output appears when all of it is there. After Ctrl-C, a kill or a full disk the same command goes on, and ends
    with the output of an undisturbed run, byte for byte. Exit code: 0 done, 1 failed, 2 misused, 130 or 143 stopped.

    Example: weir replay archive/ --model fraud@champion --to scored/ --workers 2
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    chosen: dict[str, object] = {
        "--kind": kind,
        "--pattern": pattern,
        "--column": column,
        "--stream": stream,
        "--partition": ", ".join(map(str, sorted(set(partition or ())))) or None,
        "--from-time": from_time,
        "--to-time": to_time,
        "--from-sequence": from_sequence,
        "--to-sequence": to_sequence,
    }
    selection = Selection(
        partitions=tuple(sorted(set(partition or ()))),
        from_time=milliseconds("--from-time", from_time),
        to_time=milliseconds("--to-time", to_time),
        from_sequence=from_sequence,
        to_sequence=to_sequence,
    )
    way = Way(to=to, form=rows, summary_only=summary_only, journal=journal if to_stream else None, dry_run=dry_run)
    way.check()
    if compare is None and (label or labels):
        raise ConfigurationError("--label and --labels: say which models to compare, by --compare CHAMPION CHALLENGER")
    if compare is not None:
        refuse_with_compare(
            {"--model": model, "--error-threshold": error_threshold, "--dry-run": dry_run, "--to-stream": to_stream}
        )
        options = CompareOptions(
            settings=load_settings(config),
            to=to,
            rows=way.rows,
            overwrite=overwrite,
            workers=workers,
            label=label,
            labels=labels,
            storage=storage_of_environment(),
            selection=selection,
            kind=kind,
            pattern=pattern,
            column=column,
            stream=stream,
        )
        compare_models(paths, compare, options)
        return
    threshold = USUAL if error_threshold is None else Threshold.parse(error_threshold)
    settings = load_settings(config)
    live = stream_settings(settings, config) if to_stream else settings.stream
    served, manifest = served_model(settings, model)
    storage = storage_of_environment()
    plan = planned(partial(archive.plan, paths, kind=kind, pattern=pattern, stream=stream, storage=storage))
    groups = groups_asked_for(plan.groups, plan.problems, selection)
    chosen["stream.max_event_bytes"] = served.max_event_bytes
    job = Job(
        model=served,
        read=partial(archive.read, column=column),
        storage=storage,
        limits=Limits(max_event_bytes=served.max_event_bytes),
        selection=selection,
        rows=way.rows,
        stream=live if to_stream else None,
    )
    if dry_run:
        _look(job, groups, plan.problems, workers)
        return
    target = way.target(storage, live)
    order = Order(
        groups=groups,
        problems=plan.problems,
        target=target,
        job=replace(job, work=str(target.work), output=str(target.output)),
        manifest=manifest,
        premises=premises_of(manifest, way.options(live) | given(chosen), groups),
        threshold=threshold,
        workers=workers,
        overwrite=overwrite,
        engine=engine,
        master=master,
    )
    raise typer.Exit(_replay(order))


def _look(job: Job, groups: Sequence[Group], problems: Sequence[Problem], workers: int) -> None:
    pipeline = job.model.load()
    read: Any = partial(job.read, storage=job.storage, manifest=pipeline.manifest, limits=job.limits)
    rows = None if job.rows is None else rows_in(job.rows, pipeline.manifest)
    found = estimate(groups, problems, read=read, pipeline=pipeline, selection=job.selection, rows=rows)
    show_estimate(Console(), found, workers=workers, has_rows=rows is not None)


def _replay(order: Order) -> int:
    """Replay, show how far it is and what it came to, and return the exit code."""
    screen = Screen(Console(stderr=True), sum(group.size for group in order.groups))
    settle_down()
    with _Stop() as stop, screen.live():
        summary = run(order, stop=lambda: stop.number > 0, watch=screen.show)
    if summary is None:
        sys.stderr.write("stopped; the same command goes on from here\n")
        return 128 + stop.number
    console = Console()
    show_summary(console, summary, screen)
    console.print(f"written to {order.target}", highlight=False, markup=False, soft_wrap=True)
    return 0


class _Stop:
    """Notes SIGTERM and Ctrl-C during a block; the second one ends the program where it is.

    Attributes:
        number: of the signal; 0 while there was none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)
