"""The groups of an archive, each read once and answered by both models; on this process or on several.

Rules:
- A group's result depends on the archive, the models and the options alone. Results are added in the order of groups,
  so that any number of processes gives the same figures.
- Nothing is kept but the result and, for a file of rows, one row group.
"""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

from scoring import Feature, Manifest
from scoring.errors import ConfigurationError, WeirError
from stream_worker.replay import archive
from stream_worker.replay.ahead import ahead
from stream_worker.replay.backtest.answering import Duel
from stream_worker.replay.backtest.columns import DAMAGES, disagreement, for_both, label_feature, schema_of
from stream_worker.replay.backtest.labels import read_labels
from stream_worker.replay.backtest.rows import NoRows, Rows, rows_to
from stream_worker.replay.backtest.terms import Terms, terms_between
from stream_worker.replay.backtest.truth import FieldTruth, NoTruth, Reading, Truth
from stream_worker.replay.comparison import Comparison, compare, nothing
from stream_worker.replay.files import Files, StorageOptions
from stream_worker.replay.folders import folder_at
from stream_worker.replay.job import ServedModel
from stream_worker.replay.limits import Limits
from stream_worker.replay.problems import number_of
from stream_worker.replay.records import Group, Portion
from stream_worker.replay.rows import RowFormat
from stream_worker.replay.selection import Selection, outside
from stream_worker.replay.tally import Tally

__all__ = ["BackTest", "Result", "check_back_test", "run_back_test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """What a process needs to know to compare two models on groups of an archive.

    Attributes:
        champion: the model that is in place.
        challenger: the one that may replace it.
        storage: how blob storage is reached.
        limits: what the reader holds at once.
        selection: which records are asked for.
        output: the folder that rows go to.
        rows: their form; None for none.
        column: of a Parquet file, the one that holds the event.
        label: where events carry the truth, or the label's column in the file `labels`.
        labels: a file with event ids and labels.
    """

    champion: ServedModel
    challenger: ServedModel
    storage: StorageOptions
    limits: Limits
    selection: Selection
    output: str
    rows: RowFormat | None = None
    column: str | None = None
    label: str | None = None
    labels: str | None = None


class Result(NamedTuple):
    """What came of a group, or of several.

    Attributes:
        comparison: the figures.
        tally: what could not be read, had come already, or was not asked for.
    """

    comparison: Comparison
    tally: Tally

    def plus(self, later: "Result") -> "Result":
        """Return what came of both."""
        return Result(self.comparison + later.comparison, self.tally + later.tally)


def check_back_test(test: BackTest) -> None:
    """See, before anything is written, that there is nothing wrong with the models and the labels.

    Raises:
        ConfigurationError: the models cannot be compared, or the labels cannot be read.
        WeirError: a model must not be served.
    """
    _opened(test)


def run_back_test(
    test: BackTest, groups: Sequence[Group], *, workers: int = 1, watch: Callable[[int], None] = lambda _: None
) -> Result:
    """Compare two models on the groups of an archive.

    Args:
        test: what to do.
        groups: in the archive's order.
        workers: how many processes; with one, this is it.
        watch: told how many records have been read, each time that there are more.

    Raises:
        ConfigurationError: the models cannot be compared, or the labels cannot be read.
        WeirError: a model must not be served, or the output cannot be written.
    """
    results = _in_processes(test, groups, workers) if min(workers, len(groups)) > 1 else _here(test, groups, watch)
    total: Result | None = None
    with closing(results):
        for result in results:
            total = result if total is None else total.plus(result)
            watch(total.comparison.records)
    if total is None:
        raise ConfigurationError("there is nothing to compare the models on")
    return total


def _here(test: BackTest, groups: Sequence[Group], watch: Callable[[int], None]) -> Generator[Result]:
    comparer, done = _opened(test), 0
    for group in groups:
        result = comparer.compare(group, _after(done, watch))
        done += result.comparison.records
        yield result


def _after(done: int, watch: Callable[[int], None]) -> Callable[[int], None]:
    return lambda records: watch(done + records)


def _in_processes(test: BackTest, groups: Sequence[Group], workers: int) -> Generator[Result]:
    # spawned, never forked: a session does not survive a fork
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(groups)), context, _ignore_interruption) as pool:
        try:
            yield from pool.map(partial(_compare, test), groups)
        except BrokenProcessPool as error:
            raise WeirError("a process of the comparison was killed: begin it again, with fewer --workers") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _ignore_interruption() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started the process was told as well


def _compare(test: BackTest, group: Group) -> Result:
    return _opened(test).compare(group)


@lru_cache(maxsize=1)
def _opened(test: BackTest) -> "_Comparer":
    """Open the models and the labels once in each process."""
    return _Comparer(test)


class _Comparer:
    """Both models and the labels, open."""

    def __init__(self, test: BackTest) -> None:
        self._test = test
        champion, challenger = test.champion.load(), test.challenger.load()
        self._manifests = champion.manifest, challenger.manifest
        self.terms = terms_between(*self._manifests)
        self._duel = Duel(champion, challenger, self.terms, _truth(test, self.terms, self._manifests))

    def compare(self, group: Group, watch: Callable[[int], None] = lambda _: None) -> Result:
        """Return what comes of a group."""
        total = Result(nothing(self.terms), Tally())
        with self._rows(group) as rows, closing(self._portions(group)) as portions:
            for portion in portions:
                self._check(portion)
                asked = self._test.selection.of(portion, group)
                batch = self._duel.answer(asked, group)
                rows.add(batch)
                total = total.plus(Result(compare(self.terms, batch), _tally(portion, asked)))
                watch(total.comparison.records)
                if self._test.selection.is_past(portion, group):
                    break
        return total

    def _rows(self, group: Group) -> AbstractContextManager[Rows]:
        if self._test.rows is None:
            return nullcontext(NoRows())
        return rows_to(folder_at(self._test.output, self._test.storage), group, self.terms, self._test.rows)

    def _portions(self, group: Group) -> Generator[Portion]:
        test, manifest = self._test, for_both(*self._manifests, self._label_column(group))
        portions: Any = archive.read(
            group, manifest=manifest, storage=test.storage, limits=test.limits, column=test.column
        )
        with closing(portions), closing(ahead(portions, "reading")) as coming:
            yield from coming

    def _label_column(self, group: Group) -> Feature | None:
        """Return the column with the labels, where a table may have one."""
        if self._test.label is None or self._test.labels is not None or group.kind != "parquet":
            return None
        try:
            with Files(self._test.storage) as files, files.open(group.files[0]) as source:
                return label_feature(self._test.label, schema_of(source))
        except DAMAGES:
            return None  # the reader will say why it cannot be read

    def _check(self, portion: Portion) -> None:
        """See that columns, where there are any, can serve both models."""
        if portion.columns is not None and (differ := disagreement(*self._manifests)) is not None:
            raise ConfigurationError(differ)


def _truth(test: BackTest, terms: Terms, manifests: Sequence[Manifest]) -> Truth:
    if test.labels is not None:
        own = [".".join(manifest.event_id) for manifest in manifests if manifest.event_id is not None]
        with Files(test.storage) as files:
            return read_labels(
                test.labels, files, terms=terms, id_columns=["event_id", *own], label=test.label or "label"
            )
    return NoTruth() if test.label is None else FieldTruth(test.label, Reading(terms))


def _tally(portion: Portion, asked: Portion) -> Tally:
    return Tally(
        records=len(asked.events),
        duplicates=portion.duplicates,
        outside=outside(portion, asked),
        problems=number_of(asked.problems),
        shown=tuple(asked.problems),
    )
