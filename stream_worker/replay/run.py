"""A replay from its plan to its output: begun or gone on with, handed out, watched, and let appear when all is there.

Rules:
- The journals alone say what is done. A run reads them first and goes on, whatever ended the run before.
- The output is a function of the archive, the model and the options: it holds nothing of how, when or in how many runs
  it was made. The order of groups is the plan's, however they were handed out.
"""

import os
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import msgspec

from scoring import Manifest, Pipeline
from scoring.errors import ConfigurationError, SinkError, WeirError
from stream_worker.replay.group import TOLD, Progress, progress_of
from stream_worker.replay.job import Job, replayer
from stream_worker.replay.journal import Entry, Journal
from stream_worker.replay.memory import peak_memory
from stream_worker.replay.output import FINISHED, PLAN, Finished, Target
from stream_worker.replay.picture import draw, load
from stream_worker.replay.premises import Premises
from stream_worker.replay.processes import Lane, in_order, in_processes
from stream_worker.replay.records import Group, Problem
from stream_worker.replay.rows import KINDS, rows_in
from stream_worker.replay.summary import Summary, summary_of
from stream_worker.replay.tally import SHOWN, Tally
from stream_worker.replay.threshold import Threshold
from stream_worker.replay.totals import Totals

__all__ = ["Engine", "Order", "Totals", "run"]

Engine = Literal["local", "spark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be replayed, and how.

    Attributes:
        groups: of the archive, in order.
        problems: what could not be made part of a group.
        target: where the output goes.
        job: for each process.
        manifest: the model's.
        premises: what the output depends on.
        threshold: how many may fail.
        workers: how many processes; with one, this is it.
        overwrite: whether a finished output, or an unfinished one of something else, is replaced.
        engine: processes of this machine, or the executors of a Spark cluster.
        master: the cluster's, where Spark's own configuration does not name it.
        tables: files whose rows have keys or positions, which a stream keeps in order over all of them.
    """

    groups: Sequence[Group]
    problems: Sequence[Problem]
    target: Target
    job: Job
    manifest: Manifest
    premises: Premises
    threshold: Threshold
    workers: int = 1
    overwrite: bool = False
    engine: Engine = "local"
    master: str | None = None
    tables: Collection[str] = ()


def run(
    order: Order,
    *,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[Totals], None] = lambda _: None,
    pipeline: Pipeline | None = None,
) -> Summary | None:
    """Replay an archive, on from where an earlier run of the same was interrupted.

    Args:
        order: what, and how.
        stop: asked after each portion; once it says so, what is under way is finished to the end of a portion.
        watch: told at the start, and after each portion, how far all is.
        pipeline: over the model, where that is loaded already.

    Returns:
        What it came to; None where it was told to stop.

    Raises:
        ConfigurationError: the output stands there already, or the interrupted replay was of something else.
        WeirError: too much failed, the output cannot be written, or a process died.
    """
    with closing(order.target):
        order.target.check()
        _changes(order)  # what is to be refused is refused before anything is written
        with order.target.locked():
            if _changes(order) != []:
                order.target.clear()
                order.target.work.put(PLAN, msgspec.json.encode(order.premises))
            try:
                return _go_on(order, stop, watch, pipeline)
            except WeirError:
                _leave_nothing(order)
                raise


def _leave_nothing(order: Order) -> None:
    """Remove what was begun where it holds nothing that another run could go on with."""
    if not any(_standing(order, group).parts for group in order.groups):
        order.target.abandon()


def _go_on(
    order: Order, stop: Callable[[], bool], watch: Callable[[Totals], None], pipeline: Pipeline | None
) -> Summary | None:
    totals = Totals(problems=len(order.problems), planned=order.problems[:TOLD])
    waiting = []
    for group in order.groups:
        standing = _standing(order, group, repair=True)  # nobody else is at work
        totals.add(progress_of(group, [standing]))
        _check_parts(order.target, standing)
        if not standing.is_last:
            waiting.append(group)
    totals.begun_with = totals.records
    watch(totals)
    with ThreadPoolExecutor(1, "picture") as beside:
        beside.submit(load)
        if not _to_the_end(order, _progress(order, _lanes(order, waiting), pipeline), totals, stop, watch):
            return None
    summary = _finish(order)
    totals.peaks[os.getpid()] = peak_memory()
    return summary


def _standing(order: Order, group: Group, *, repair: bool = False) -> Entry:
    return Journal(order.target.work, group.name).standing(repair=repair)


def _changes(order: Order) -> list[str] | None:
    """Return what has changed since an interrupted replay was begun; None where there is none to go on with.

    Raises:
        ConfigurationError: something stands in the way, and is not to be overwritten.
    """
    target, work = order.target, order.target.work
    saved = work.get(PLAN)
    changes = None if saved is None else _compared(saved, order.premises)
    ended = changes == [] and work.size(FINISHED) is not None  # it was killed while the output appeared
    if target.is_there() and not (order.overwrite or ended):
        raise ConfigurationError(f"{target} is there already: pass --overwrite to replace it, or name another output")
    if changes and not order.overwrite:
        raise ConfigurationError(
            f"an unfinished replay in {work} cannot go on: {'; '.join(changes)}. "
            "Pass --overwrite to begin anew, or undo the change"
        )
    return changes


def _compared(saved: bytes, now: Premises) -> list[str]:
    try:
        return msgspec.json.decode(saved, type=Premises).changes(now)
    except msgspec.DecodeError:
        return ["its plan.json was written by another version of Weir"]


def _check_parts(target: Target, standing: Entry) -> None:
    """See that what a journal tells of is there, unless it has been moved to its place already."""
    if not standing.files or target.work.size(FINISHED) is not None:
        return
    for name, size in standing.files.items():
        if target.output.size(name) != size:
            raise SinkError(
                f"{target.output}/{name} is not the file that was written there; remove {target.work} to begin anew"
            )


def _to_the_end(
    order: Order,
    steps: Generator[Progress],
    totals: Totals,
    stop: Callable[[], bool],
    watch: Callable[[Totals], None],
) -> bool:
    """Go through the steps of a replay, and return whether that was to the end."""
    with closing(steps):
        for progress in steps:
            totals.add(progress)
            watch(totals)
            if order.threshold.is_exceeded(totals.errors, totals.records):
                raise _too_many(order, totals.errors, totals.records)
            if stop():
                return False
    return True


def _lanes(order: Order, groups: Sequence[Group]) -> list[Lane]:
    """Return what may be replayed side by side: in a stream, groups of one partition keep their order."""
    if order.job.stream is None:
        return [[group] for group in groups]
    if order.workers == 1:
        return [groups] if groups else []
    return in_order(groups, order.tables)


def _progress(order: Order, lanes: Sequence[Lane], pipeline: Pipeline | None) -> Generator[Progress]:
    if not lanes:
        return
    if order.engine == "spark":
        from stream_worker.replay.spark import on_spark  # noqa: PLC0415 - half a gigabyte that few have

        yield from on_spark(order.job, lanes, order.master)
        return
    if order.workers > 1:
        yield from in_processes(order.job, lanes, order.workers)
        return
    with replayer(order.job, pipeline) as replay:
        for lane in lanes:
            for group in lane:
                yield from replay(group)


def _finish(order: Order) -> Summary:
    tally, names = _planned(order.problems), list[str]()
    for group in order.groups:
        standing = _standing(order, group)
        if not standing.is_last:
            raise SinkError(
                f"{Journal(order.target.work, group.name)} does not come to the end of its group: others wrote to it. "
                "The same command goes on from there"
            )
        tally += standing.tally
        names += standing.files
    if order.threshold.is_exceeded(tally.errors, tally.records, at_the_end=True):
        raise _too_many(order, tally.errors, tally.records)
    summary = summary_of(order.manifest, order.groups, tally)
    finished = Finished(
        summary=summary.to_json(),
        picture=draw(summary.bars, f"{order.manifest.reference}: {summary.predictions:,} predictions"),
        parts={kind: [name for name in names if name.startswith(f"{kind}/")] for kind in KINDS},
        join=rows_in(order.job.rows or "jsonl", order.manifest).join,
    )
    order.target.appear(finished)
    return summary


def _planned(problems: Sequence[Problem]) -> Tally:
    return Tally(problems=len(problems), shown=tuple(problems[:SHOWN]))


def _too_many(order: Order, errors: int, records: int) -> WeirError:
    return WeirError(
        f"{errors:,} dead letters and problems among {records:,} records are more than --error-threshold "
        f"{order.threshold} allows; with a higher one, or -1 for none, the same command goes on from here"
    )
