"""The figures of a comparison as JSON, for programs: `comparison.json`. What is not known is null."""

import math
from typing import Any

import msgspec

from scoring import Manifest
from stream_worker.replay.backtest.bins import THOUSAND, first_bin, reached
from stream_worker.replay.backtest.headline import agreement, flipped, headline, moved
from stream_worker.replay.backtest.measures import chance, quantiles
from stream_worker.replay.backtest.subject import Subject
from stream_worker.replay.backtest.words import what_follows
from stream_worker.replay.comparison import DIFFERENCES, Comparison
from stream_worker.replay.tally import Tally

__all__ = ["to_json"]

_SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_GRID = range(0, THOUSAND, 10)


def to_json(comparison: Comparison, subject: Subject, tally: Tally) -> bytes:
    """Return what is known of a comparison; the same for the same archive and models."""
    found = {
        "champion": _model(subject.champion),
        "challenger": _model(subject.challenger),
        "archive": {"files": subject.files, "bytes": subject.size},
        "events": comparison.records,
        "compared": comparison.compared,
        "labelled": comparison.labelled,
        "foreign_labels": comparison.foreign,
        "refused": _refused(comparison),
        "duplicates": tally.duplicates,
        "not_asked_for": tally.outside,
        "problems": tally.problems,
        "what_follows": what_follows(comparison, subject.names) if comparison.compared else [],
        "measures": _measures(comparison),
        "difference": _difference(comparison),
    }
    if comparison.terms.decides:
        found["decisions"] = _decisions(comparison)
    if comparison.terms.task == "binary":
        found["thresholds"] = _thresholds(comparison)
    return msgspec.json.format(msgspec.json.encode(_known(found)), indent=2) + b"\n"


def _model(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "digest": manifest.digest,
        "threshold": manifest.outputs.threshold,
    }


def _refused(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"champion": one or None, "challenger": other or None, "events": count}
        for (one, other), count in sorted(comparison.refused.items())
    ]


def _measures(comparison: Comparison) -> dict[str, Any]:
    measures: dict[str, Any] = {}
    for line in headline(comparison) if comparison.compared else ():
        measures[line.name] = {"champion": line.figures[0], "challenger": line.figures[1]}
        if line.between is not None:
            measures[line.name]["between"] = [[each.low, each.high] for each in line.between]
    return measures


def _difference(comparison: Comparison) -> dict[str, Any]:
    one, other = comparison.scores.means.tolist()
    found = quantiles(comparison.differences, DIFFERENCES, _SHARES)
    return {
        "mean": other - one if comparison.compared else math.nan,
        "quantiles": {f"{share:g}": value for share, value in zip(_SHARES, found, strict=True)},
        "correlation": comparison.scores.correlation(0, 1),
    }


def _decisions(comparison: Comparison) -> dict[str, Any]:
    """Only pairs that came at all: of a thousand labels there are a million."""
    labels, pairs = comparison.terms.labels, comparison.pairs
    mended, spoiled = moved(comparison)
    return {
        "agreement": agreement(comparison),
        "flipped": flipped(comparison),
        "only_challenger_right": mended,
        "only_champion_right": spoiled,
        "chance": chance(mended, spoiled) if comparison.labelled else math.nan,
        "pairs": [
            {"champion": labels[one], "challenger": labels[other], "events": int(pairs[one, other])}
            for one, other in zip(*(places.tolist() for places in pairs.nonzero()), strict=True)
        ],
        "confusions": {
            role: [
                {"truth": labels[true], "label": labels[given], "events": int(table[true, given])}
                for true, given in zip(*(places.tolist() for places in table.nonzero()), strict=True)
            ]
            for role, table in zip(("champion", "challenger"), comparison.confusions, strict=True)
        },
    }


def _thresholds(comparison: Comparison) -> list[dict[str, Any]]:
    flagged = reached(comparison.bins)
    lower, higher = reached(comparison.ends)
    rows = []
    for threshold in _GRID:
        place = first_bin(threshold)
        row: dict[str, Any] = {"threshold": threshold / THOUSAND, "differ": int(higher[place] - lower[place])}
        for role, (unknown, false, true) in zip(("champion", "challenger"), flagged[:, :, place].tolist(), strict=True):
            row[role] = {"flagged": unknown + false + true, "true": true, "false": false}
        rows.append(row)
    return rows


def _known(found: Any) -> Any:
    """Return what was found with null in the place of what is no number."""
    if isinstance(found, dict):
        return {name: _known(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_known(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found
