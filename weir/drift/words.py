"""The words of `weir drift`, the same on the screen and on the page."""

from collections.abc import Mapping, Sequence
from typing import Final

from stream_worker.findings import counted
from telemetry.drift import DriftFigures, verdict
from weir.drift.reading import Tally

__all__ = ["HEADINGS", "cells", "named", "read", "what_follows", "worst_first"]

HEADINGS: Final = ("", "PSI", "KS", "nulls then", "now", "out of range", "verdict")
"""Of the columns of the table."""

_NAMED: Final = 10


def worst_first(figures: Sequence[DriftFigures]) -> list[DriftFigures]:
    """Return figures by their index, the largest first; those without one are last."""
    return sorted(figures, key=lambda each: (each.psi is None, -(each.psi or 0.0)))


def named(figures: DriftFigures) -> str:
    """Return what a column is called; a feature may be called score as well."""
    return "the score" if figures.is_score else figures.feature


def cells(figures: DriftFigures) -> list[str]:
    """Return a row of the table."""
    return [
        named(figures),
        _figure(figures.psi),
        _figure(figures.ks),
        _share(figures.baseline_null_share),
        _share(figures.null_share if figures.rows else None),
        _share(figures.out_of_range if figures.rows else None),
        verdict(figures.psi),
    ]


def what_follows(figures: Sequence[DriftFigures]) -> list[str]:
    """Return what the figures come to, in sentences, the gravest first."""
    sentences = []
    for kind, one, many in (("shifted", "has shifted", "have shifted"), ("moving", "is moving", "are moving")):
        there = [each for each in figures if verdict(each.psi) == kind]
        if there:
            said = one if len(there) == 1 else many
            sentences.append(f"{len(there)} of {counted(len(figures), 'column')} {said}: {_listed(there)}.")
    steady = sum(verdict(each.psi) == "steady" for each in figures)
    if steady:
        sentences.append(f"{counted(steady, 'column')} steady.")
    few = [each for each in figures if each.psi is None]
    if few:
        sentences.append(f"{counted(len(few), 'column')} with too few rows to tell: {_listed(few)}.")
    return sentences


def read(tally: Tally) -> Mapping[str, str]:
    """Return what was read, by what it is called."""
    facts = {"records": f"{tally.records:,}", "scores": f"{tally.scores:,}"}
    if tally.rejected:
        codes = ", ".join(f"{code} {count:,}" for code, count in sorted(tally.rejected.items()))
        facts["rejected"] = f"{sum(tally.rejected.values()):,} ({codes})"
    for missing, groups in sorted(tally.partial.items()):
        facts["lack features"] = f"{counted(groups, 'part')} without {', '.join(missing)}; scores as they were kept"
    if tally.unread:
        facts["problems"] = f"{tally.unread:,}"
    return facts


def _listed(figures: Sequence[DriftFigures]) -> str:
    names = ", ".join(named(each) for each in figures[:_NAMED])
    return names if len(figures) <= _NAMED else f"{names} and {len(figures) - _NAMED} more"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
