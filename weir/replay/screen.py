"""What `weir replay` shows: how far it is, what it came to, and what it would come to."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from stream_worker.findings import counted
from stream_worker.replay.histogram import Bar
from stream_worker.replay.problems import number_of
from stream_worker.replay.records import Problem
from stream_worker.replay.run import Totals
from stream_worker.replay.sample import Estimate
from stream_worker.replay.summary import Summary

__all__ = ["Screen", "show_estimate", "show_summary"]

_LINE_EVERY_S = 5.0
_BAR_WIDTH = 40
_SHOWN = 20  # problems; the summary's file has more


class Screen:
    """How far a replay is: a bar on a terminal, and a line every few seconds elsewhere."""

    def __init__(self, console: Console, size: int) -> None:
        """Show nothing yet.

        Args:
            console: where to show it.
            size: the bytes that there are to read.
        """
        self._console = console
        self._size = size
        self._began = self._told = time.monotonic()
        self._totals = Totals()
        self._first_bytes: int | None = None
        self._progress = Progress(
            BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}"), console=console
        )
        self._task: TaskID = self._progress.add_task("starting", total=max(1, size))

    def live(self) -> AbstractContextManager[object]:
        """Show the bar during a block, where there is a terminal."""
        return self._progress if self._console.is_terminal else nullcontext()

    def show(self, totals: Totals) -> None:
        """Show how far it is."""
        self._totals = totals
        if self._first_bytes is None:
            self._first_bytes = totals.bytes_read
        if self._console.is_terminal:
            self._progress.update(self._task, completed=totals.bytes_read, description=self._words(totals))
        elif time.monotonic() - self._told >= _LINE_EVERY_S:
            self._told = time.monotonic()
            percent = 100 * totals.bytes_read // max(1, self._size)
            self._console.print(f"{percent}% read: {self._words(totals)}", highlight=False, soft_wrap=True)

    def show_problems(self) -> None:
        """Show the first problems that there have been."""
        _show_problems(self._console, self._totals.told[:_SHOWN], self._totals.problems)

    @property
    def peaks(self) -> Mapping[int, int]:
        """The most memory that each process has had."""
        return self._totals.peaks

    @property
    def rate(self) -> float:
        """The records a second of this run."""
        return (self._totals.records - self._totals.begun_with) / max(time.monotonic() - self._began, 1e-3)

    def _words(self, totals: Totals) -> str:
        words = [f"{totals.records:,} records", f"{self.rate:,.0f}/s", f"{totals.dead_letters:,} dead letters"]
        if totals.problems:
            words.append(f"{totals.problems:,} problems")
        read = totals.bytes_read - (self._first_bytes or 0)
        if read > 0:
            left = (self._size - totals.bytes_read) * (time.monotonic() - self._began) / read
            words.append(f"about {_duration(max(0.0, left))} left")
        return ", ".join(words)


def show_summary(console: Console, summary: Summary, screen: Screen) -> None:
    """Show what a replay came to, and how quick it was."""
    table = Table(show_header=False)
    for what, figure in _figures(summary):
        table.add_row(Text(what), figure)
    if screen.peaks:
        table.add_row("records a second", f"{screen.rate:,.0f}")
        table.add_row("peak memory", _memory(screen.peaks))
    console.print(table)
    first = [Problem(path=each.file, offset=each.offset, words=each.words) for each in summary.first_problems[:_SHOWN]]
    _show_problems(console, first, summary.problems)
    for line in _drawn(summary.bars):
        console.print(line, highlight=False)


def show_estimate(console: Console, found: Estimate, *, workers: int, has_rows: bool) -> None:
    """Show what a replay would come to."""
    table = Table(show_header=False)
    table.add_row("groups", f"{found.groups:,}")
    table.add_row("files", f"{found.files:,}")
    table.add_row("bytes", _bytes(found.bytes))
    table.add_row("records, about", f"{found.records:,}")
    table.add_row("time, about", _duration(found.seconds / max(1, min(workers, found.groups))))
    if has_rows:
        table.add_row("output, about", _bytes(found.output_bytes))
    table.add_row(f"dead letters among {found.looked_at:,}", f"{sum(found.dead_letters.values()):,}")
    for code, count in found.dead_letters.items():
        table.add_row(f"  {code}", f"{count:,}")
    console.print(table)
    for code, reason in found.reasons.items():
        console.print(f"{code}, for instance: {reason}", highlight=False, markup=False, soft_wrap=True)
    _show_problems(console, found.problems[:_SHOWN], number_of(found.problems))


def _figures(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "model", f"{summary.model['name']}:{summary.model['version']}"
    yield "archive", f"{counted(summary.archive.files, 'file')}, {_bytes(summary.archive.bytes)}"
    yield "records", f"{summary.records:,}"
    yield "predictions", f"{summary.predictions:,}"
    yield from ((f"  label {label}", f"{count:,}") for label, count in summary.labels.items())
    yield "dead letters", f"{sum(summary.dead_letters.values()):,}"
    yield from ((f"  {code}", f"{count:,}") for code, count in summary.dead_letters.items())
    yield "duplicates passed over", f"{summary.duplicates:,}"
    if summary.not_asked_for:
        yield "not asked for", f"{summary.not_asked_for:,}"
    yield "problems", f"{summary.problems:,}"


def _show_problems(console: Console, first: Sequence[Problem], count: int) -> None:
    for problem in first:
        told = f"problem: {problem.path}, from {problem.offset:,} on: {problem.words}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    if count > len(first):
        console.print(f"and {count - len(first):,} more problems", highlight=False)


def _drawn(bars: Sequence[Bar]) -> Iterator[str]:
    """Yield the histogram's lines, two bars in each, but for those without scores at either end."""
    pairs = list(zip(bars[::2], bars[1::2], strict=True))
    counts = [one.predictions + other.predictions for one, other in pairs]
    most = max(counts, default=0)
    if not most:
        return
    yield "scores"
    for (low, high), count in zip(pairs, counts, strict=True):
        length = -(-count * _BAR_WIDTH // most)
        yield f"{low.low:>9.4g} to {high.high:<9.4g} {'█' * length}{' ' * bool(length)}{count:,}"


def _memory(peaks: Mapping[int, int]) -> str:
    each = f"{max(peaks.values()) / 2**20:,.0f} MiB"
    return each if len(peaks) == 1 else f"{each} in each of {len(peaks)} processes at most"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"
