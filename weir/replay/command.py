"""`weir replay`: score the past, from archives to files or to the stream."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stream_worker.replay.records import ArchiveKind
from stream_worker.replay.run import Engine
from weir.logs import begin_quiet_log
from weir.replay.asked import USUAL_JOURNAL, Asked, Choice, Reading
from weir.replay.compare import compare as compare_models
from weir.replay.follow import replay_and_follow
from weir.replay.options import Way
from weir.replay.order import compare_options, order_of, prospect_of
from weir.replay.running import look, replay
from weir.settings import load_settings

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
    journal: Annotated[
        Path | None,
        _option(_WRITE, shown=str(USUAL_JOURNAL), help="The folder that remembers how far --to-stream is."),
    ] = None,
    then_follow: Annotated[
        bool,
        _option(_WRITE, "--then-follow", help="With --to-stream: go on with the live stream where the archive ends."),
    ] = False,
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
    begin_quiet_log()
    asked = Asked(
        paths=tuple(paths),
        config=config,
        model=model,
        workers=workers,
        engine=engine,
        master=master,
        error_threshold=error_threshold,
        overwrite=overwrite,
        then_follow=then_follow,
        journal=journal,
        way=Way(
            to=to,
            form=rows,
            summary_only=summary_only,
            journal=(journal or USUAL_JOURNAL) if to_stream else None,
            dry_run=dry_run,
        ),
        reading=Reading(kind=kind, pattern=pattern, column=column, stream=stream),
        choice=Choice(
            partitions=tuple(sorted(set(partition or ()))),
            from_time=from_time,
            to_time=to_time,
            from_sequence=from_sequence,
            to_sequence=to_sequence,
        ),
        compare=compare,
        label=label,
        labels=labels,
    )
    raise typer.Exit(_do(asked))


def _do(asked: Asked) -> int:
    """Do what was asked for, and return the exit code."""
    asked.check()
    settings = load_settings(asked.config)
    if asked.compare is not None:
        compare_models(asked.paths, asked.compare, compare_options(asked, settings))
        return 0
    if asked.then_follow:
        return replay_and_follow(asked, settings)
    prospect = prospect_of(asked, settings)
    if asked.way.dry_run:
        look(prospect, asked.workers)
        return 0
    return replay(order_of(asked, prospect))
