"""`weir drift`: how far what came in lately is from what the model was converted with."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scoring import Manifest
from scoring.errors import ConfigurationError, WeirError
from stream_worker.replay import archive
from stream_worker.replay.limits import Limits
from stream_worker.replay.records import ArchiveKind
from telemetry.drift import DriftFigures, DriftSettings, ModelBins, figures_of, verdict
from weir.drift.reading import Reader, Tally
from weir.drift.report import Subject, report
from weir.drift.words import HEADINGS, cells, named, read, worst_first
from weir.logs import begin_quiet_log
from weir.replay.options import planned, served_model, storage_of_environment
from weir.settings import load_settings

__all__ = ["command"]

_LOOKS = {"shifted": "bold red", "moving": "yellow", "steady": "green", "too few rows": "dim"}


def command(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, patterns; local or abfs://container/path."),
    ],
    *,
    config: Annotated[Path, typer.Option(help="The configuration file.")] = Path("weir.yaml"),
    model: Annotated[
        str | None, typer.Option(help="name, name:3 or name@champion.", show_default="the deployed one")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots.")] = None,
    fail_above: Annotated[
        float | None, typer.Option(min=0, help="Exit with 1 where a population stability index is larger.")
    ] = None,
    kind: Annotated[ArchiveKind | None, typer.Option(help="What the files are.", show_default="by their names")] = None,
    column: Annotated[
        str | None,
        typer.Option(help="The column of a Parquet file that holds the event.", show_default="value, body or Body"),
    ] = None,
) -> None:
    """Compare events with the model's training: Event Hubs Capture, JSON Lines, Parquet, or a collection.

    For each feature, and for the score, it tells the population stability index (PSI) and the Kolmogorov-Smirnov
    distance (KS), nulls, and what training did not show. Exit code: 0 done, 1 failed or above the bound, 2 misused.

    Example: weir drift archive/ --model fraud@champion --to drift.html --fail-above 0.25
    """
    begin_quiet_log()
    settings = load_settings(config)
    _check_target(to)
    served, manifest = served_model(settings, model)
    bins = _bins(manifest)
    storage = storage_of_environment()
    plan = planned(partial(archive.plan, paths, kind=kind, storage=storage))
    if not plan.groups:
        told = "; ".join(f"{problem.path}: {problem.words}" for problem in plan.problems[:3])
        raise ConfigurationError(f"there is nothing to look at{': ' * bool(told)}{told}")
    limits = Limits(max_event_bytes=served.max_event_bytes)
    reader = Reader(pipeline=served.load(), bins=bins, storage=storage, limits=limits, column=column)
    with Console(stderr=True).status("reading") as status:
        tally = reader.count(plan.groups, plan.problems, lambda done: status.update(f"{done:,} records read"))
    figures = worst_first(figures_of(bins, tally.counts, min_rows=DriftSettings().min_rows))
    subject = Subject(
        manifest=manifest,
        asked=model or manifest.reference,
        bins=bins,
        paths=paths,
        files=len(plan.files),
        size=sum(file.size for file in plan.files),
        tally=tally,
        figures=figures,
    )
    _show(Console(), figures, tally)
    if to is not None:
        _write(to, report(subject))
    if fail_above is not None:
        _fail(figures, fail_above)


def _bins(manifest: Manifest) -> ModelBins:
    """Return the bins of a model.

    Raises:
        ConfigurationError: it was not converted from a table, or by a version that kept no baselines.
    """
    bins = ModelBins(manifest)
    if not bins.places:
        raise ConfigurationError(
            f"--model {manifest.reference}: its manifest has no baselines to compare with; they come from the table "
            "that `weir convert` is given"
        )
    return bins


def _check_target(to: Path | None) -> None:
    if to is not None and (to.suffix != ".html" or not to.parent.is_dir()):
        raise ConfigurationError(f"--to {to}: expected a name that ends in .html, in a folder that is there")


def _show(console: Console, figures: Sequence[DriftFigures], tally: Tally) -> None:
    table = Table(*HEADINGS)
    for numbers in table.columns[1:-1]:
        numbers.justify = "right"
    for each in figures:
        *shown, last = map(Text, cells(each))
        last.stylize(_LOOKS[verdict(each.psi)])
        table.add_row(*shown, last)
    console.print(table)
    _say(console, "; ".join(f"{what}: {words}" for what, words in read(tally).items()))
    for problem in tally.problems:
        _say(console, f"problem: {problem.path}, from {problem.offset:,} on: {problem.words}")


def _write(to: Path, page: str) -> None:
    try:
        to.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigurationError(f"--to {to}: {error.strerror or error}") from error
    _say(Console(), f"report: {to}")


def _fail(figures: Sequence[DriftFigures], bound: float) -> None:
    """End with an error where a column is above the bound, or nothing is known of any.

    Raises:
        WeirError: names the columns.
    """
    above = [f"{named(each)} {each.psi:.3f}" for each in figures if each.psi is not None and each.psi > bound]
    if above:
        raise WeirError(f"above {bound:g}: {', '.join(above)}")
    if all(each.psi is None for each in figures):
        raise WeirError(f"--fail-above {bound:g}: too few rows to tell")


def _say(console: Console, words: str) -> None:
    console.print(words, highlight=False, markup=False, soft_wrap=True)
