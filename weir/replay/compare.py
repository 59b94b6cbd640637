"""`weir replay --compare`: two models on the same archive, as figures, rows and a page to read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models import LocalStore, parse_reference, resolve
from scoring import Manifest
from scoring.decode import MAX_EVENT_BYTES
from scoring.errors import ConfigurationError
from stream_worker.replay import archive
from stream_worker.replay.backtest.figures import to_json
from stream_worker.replay.backtest.headline import headline
from stream_worker.replay.backtest.running import BackTest, Result, check_back_test, run_back_test
from stream_worker.replay.backtest.subject import Subject
from stream_worker.replay.backtest.terms import terms_between
from stream_worker.replay.backtest.words import what_follows
from stream_worker.replay.comparison import Comparison
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import Folder, folder_at
from stream_worker.replay.job import ServedModel
from stream_worker.replay.limits import Limits
from stream_worker.replay.listing import made_at
from stream_worker.replay.places import Looking
from stream_worker.replay.records import ArchiveKind, Group, Problem
from stream_worker.replay.report import report
from stream_worker.replay.rows import RowFormat
from stream_worker.replay.selection import Selection
from stream_worker.replay.tally import SHOWN, Tally
from weir.replay.options import check_numbers
from weir.settings import Settings

__all__ = ["CompareOptions", "compare"]

_REPORT, _FIGURES, _EVENTS, _UNFINISHED = "report.html", "comparison.json", "events", "unfinished"
_SHOWN = 10  # problems; the report has more


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What `weir replay` was told, as far as a comparison asks.

    Attributes:
        settings: the store, the deployments, and the largest event.
        to: the folder for the report, the figures and the rows; local or in blob storage.
        rows: the form of the rows with both answers to each event; None for no rows.
        overwrite: whether an earlier comparison in that folder is replaced.
        workers: how many processes.
        label: where an event carries the truth, or the label's column in `labels`.
        labels: a .csv or .parquet file with event ids and labels.
        storage: how blob storage is reached.
        selection: which records are asked for.
        kind: of the archive's files, if their names do not say.
        pattern: how the paths of a Capture are made.
        column: of a Parquet file, the one that holds the event.
        stream: the topic or hub that the events stood in.
    """

    settings: Settings
    to: str | None
    rows: RowFormat | None = "parquet"
    overwrite: bool = False
    workers: int = 1
    label: str | None = None
    labels: str | None = None
    storage: StorageOptions = field(default_factory=StorageOptions)
    selection: Selection = field(default_factory=Selection)
    kind: ArchiveKind | None = None
    pattern: str | None = None
    column: str | None = None
    stream: str | None = None


def compare(paths: Sequence[str], models: tuple[str, str], options: CompareOptions) -> None:
    """Compare two models on an archive, write what comes of it, and show it in short.

    Args:
        paths: of the archive, as `weir replay` takes them.
        models: the champion's reference and the challenger's, such as `fraud@champion`.
        options: the others.

    Raises:
        ConfigurationError: the models cannot be compared, or an option is wrong.
        WeirError: a model must not be served, or the output cannot be written.
    """
    champion, challenger = (_served(options.settings, model) for model in models)
    terms_between(champion[1], challenger[1])  # refuses before anything is read
    groups, problems = _groups(paths, options)
    for _, manifest in (champion, challenger):
        looking = Looking(manifest=manifest, column=options.column, pattern=options.pattern, storage=options.storage)
        check_numbers(groups, options.selection, looking)
    output = _output(options)
    test = BackTest(
        champion=champion[0],
        challenger=challenger[0],
        storage=options.storage,
        limits=Limits(max_event_bytes=champion[0].max_event_bytes),
        selection=options.selection,
        output=str(output),
        rows=options.rows,
        column=options.column,
        label=options.label,
        labels=options.labels,
    )
    check_back_test(test)
    output.put(_UNFINISHED, b"")  # from here on the folder is ours, whatever ends this
    output.remove(_REPORT, _FIGURES, _EVENTS)
    output.sweep()
    found = _run(test, groups, options.workers)
    files = {file.path: file.size for group in groups for file in group.files}
    subject = Subject(
        champion=champion[1],
        challenger=challenger[1],
        asked=models,
        paths=tuple(paths),
        files=len(files),
        size=sum(files.values()),
        truth=_truth(options),
        rows=None if options.rows is None else f"{_EVENTS}/, as {options.rows}",
    )
    tally = Tally(problems=len(problems), shown=tuple(problems[:SHOWN])) + found.tally
    output.put(_FIGURES, to_json(found.comparison, subject, tally))
    output.put(_REPORT, report(found.comparison, subject, tally).encode("utf-8", "replace"))
    output.remove(_UNFINISHED)
    console = Console()
    _show(console, found.comparison, subject, tally)
    _say(console, f"report: {output}/{_REPORT}")


def _served(settings: Settings, model: str) -> tuple[ServedModel, Manifest]:
    """Return the version that a reference means now, served as it is deployed, where it is."""
    store, reference = LocalStore(settings.store), parse_reference(model)
    manifest = store.manifest(reference.name, resolve(store, reference))
    deployment = next((each for each in settings.deployments if each.model == model), None)
    served = ServedModel(
        store=settings.store,
        name=manifest.name,
        version=manifest.version,
        allow_uncertified=deployment is not None and deployment.allow_uncertified,
        providers=("cpu",) if deployment is None else deployment.providers,
        max_event_bytes=MAX_EVENT_BYTES if settings.stream is None else settings.stream.max_event_bytes,
    )
    return served, manifest


def _groups(paths: Sequence[str], options: CompareOptions) -> tuple[Sequence[Group], Sequence[Problem]]:
    """Return the groups that may hold what is asked for, and what could not be made part of one.

    Raises:
        ConfigurationError: there are none.
    """
    plan = archive.plan(
        paths,
        kind=options.kind,
        pattern=options.pattern,
        stream=options.stream,
        storage=options.storage,
        without=made_at(options.to) if options.to else (),
    )
    groups = [group for group in plan.groups if options.selection.may_ask_for(group)]
    if not groups:
        told = "; ".join(f"{problem.path}: {problem.words}" for problem in plan.problems[:3])
        raise ConfigurationError(f"there is nothing to compare them on{': ' * bool(told)}{told}")
    return groups, plan.problems


def _run(test: BackTest, groups: Sequence[Group], workers: int) -> Result:
    with Console(stderr=True).status("comparing") as status:
        return run_back_test(
            test, groups, workers=workers, watch=lambda done: status.update(f"{done:,} events compared")
        )


def _output(options: CompareOptions) -> Folder:
    """Return the folder to write to: an empty one, or one with an earlier comparison that may be replaced.

    Raises:
        ConfigurationError: none is named, or it holds something else.
    """
    if options.to is None:
        raise ConfigurationError("where to? Pass --to FOLDER, for the report, the figures and the rows")
    if options.to.endswith((".parquet", ".jsonl", ".html")):
        raise ConfigurationError(f"--to {options.to}: expected a folder, for a comparison is several files")
    output = folder_at(options.to.rstrip("/"), options.storage)
    is_ours = any(output.size(name) is not None for name in (_FIGURES, _UNFINISHED))
    if not ((options.overwrite and is_ours) or output.is_empty()):
        raise ConfigurationError(
            f"--to {options.to} is not empty: name another folder, or pass --overwrite to replace a comparison there"
        )
    return output


def _truth(options: CompareOptions) -> str | None:
    if options.labels is not None:
        return f"the column {options.label or 'label'} of {options.labels}, by event id"
    return None if options.label is None else f"{options.label} of each event"


def _show(console: Console, comparison: Comparison, subject: Subject, tally: Tally) -> None:
    if comparison.compared:
        table = Table("", *subject.names)
        for line in headline(comparison):
            shown = [Text(each, "bold" if line.winner == place else "") for place, each in enumerate(line.shown)]
            table.add_row(Text(line.title), *shown)
        console.print(table)
    for sentence in what_follows(comparison, subject.names):
        _say(console, sentence)
    if subject.truth is not None and not comparison.labelled:
        _say(console, f"no truth is known of any of them: {subject.truth}")
    for problem in tally.shown[:_SHOWN]:
        _say(console, f"problem: {problem.path}, from {problem.offset:,} on: {problem.words}")


def _say(console: Console, words: str) -> None:
    console.print(words, highlight=False, markup=False, soft_wrap=True)
