"""Drift as one HTML page: what follows, the figures, and how the worst columns are spread now and were in training.

Rules:
- The page is one file. It asks nothing of anywhere, runs nothing, and shows no event.
- The same counts give the same page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scoring import Manifest
from stream_worker.replay.backtest.markup import Child, Element, tag
from stream_worker.replay.backtest.page import page
from stream_worker.replay.backtest.tables import table
from telemetry.drift import MOVING, SHIFTED, DriftFigures, ModelBins, verdict
from weir.drift.pictures import LOOKS, bars_of, picture
from weir.drift.reading import Tally
from weir.drift.words import HEADINGS, cells, named, read, what_follows

__all__ = ["Subject", "report"]

_LEAST_PICTURES, _MOST_PICTURES = 4, 12  # of features
_RULE: Final = (
    f"PSI, the population stability index, adds up how far the shares of all bins are from those of training; below "
    f"{MOVING:g} a column is usually called steady, from {SHIFTED:g} on shifted. KS is the largest distance of the two "
    "cumulative distributions. Out of range is what training did not show: numbers beyond its least and greatest, "
    "unknown categories."
)
_STYLE: Final = """
section.first { border-left-color: var(--cell); }
.verdict { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .85rem; white-space: nowrap; }
.verdict.steady { color: var(--good); background: var(--good-ground); }
.verdict.moving { color: var(--champion); background: var(--champion-ground); }
.verdict.shifted { color: var(--challenger); background: var(--challenger-ground); font-weight: 650; }
.verdict.too { color: var(--quiet); border: 1px solid var(--line); }
.bar.then { fill: var(--champion); fill-opacity: .45; }
.bar.now { fill: var(--challenger); }
figure.column > svg text { font-size: 12px; }
figure.column > svg text.share { font-size: 10px; }
h3 .verdict { margin-left: .5rem; font-weight: 600; }
figure.column { break-inside: avoid; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was looked at.

    Attributes:
        manifest: the model's.
        asked: the reference that it was asked for by.
        bins: of its baselines.
        paths: of the archive.
        files: how many it has.
        size: of them all, in bytes.
        tally: what was read.
        figures: of all columns, the worst first.
    """

    manifest: Manifest
    asked: str
    bins: ModelBins
    paths: Sequence[str]
    files: int
    size: int
    tally: Tally
    figures: Sequence[DriftFigures]


def report(subject: Subject) -> str:
    """Return the page."""
    reference = subject.manifest.reference
    lead = f"{subject.tally.records:,} records against what the model was converted with."
    header = tag("header", tag("h1", f"Drift of {reference}"), tag("p", lead, class_="quiet"))
    return page(f"Drift: {reference}", header, *_sections(subject), style=_STYLE)


def _sections(subject: Subject) -> Iterator[Element]:
    follows = (tag("li", sentence) for sentence in what_follows(subject.figures))
    yield tag("section", tag("h2", "What follows"), tag("ul", *follows), class_="first")
    yield tag("section", tag("h2", "Figures"), _figures(subject), tag("p", _RULE, class_="quiet"))
    yield tag("div", *_pictures(subject), class_="plots")
    yield tag("section", tag("h2", "What was looked at"), _facts(subject))
    if subject.tally.problems:
        yield _problems(subject.tally)


def _figures(subject: Subject) -> Element:
    rows: list[list[Child]] = []
    for figures in subject.figures:
        name, *numbers, _ = cells(figures)
        rows.append([tag("bdi", name), *numbers, _pill(figures)])
    return table(HEADINGS, rows)


def _pill(figures: DriftFigures) -> Element:
    words = verdict(figures.psi)
    return tag("span", words, class_=f"verdict {words}")


def _pictures(subject: Subject) -> Iterator[Element]:
    """Yield the features that are not steady, the worst first and a few at least, and the score wherever it stands."""
    features = [each for each in subject.figures if not each.is_score]
    unsteady = sum(verdict(each.psi) in {"moving", "shifted"} for each in features)
    features = features[: min(_MOST_PICTURES, max(_LEAST_PICTURES, unsteady))]
    shown = [each for each in subject.figures if each.is_score or each in features]
    places = {(place.name, place.is_score): place for place in subject.bins.places}
    for figures in shown:
        bars = bars_of(places[figures.feature, figures.is_score], subject.tally.counts, subject.manifest)
        key = (tag("li", _sample(look), words) for look, words in LOOKS)
        title = tag("h3", tag("bdi", named(figures)), _pill(figures))
        drawn = picture(named(figures), bars)
        yield tag(
            "figure", title, tag("ul", *key, class_="key"), drawn, tag("figcaption", _caption(figures)), class_="column"
        )


def _sample(look: str) -> Element:
    return tag("svg", tag("rect", x=0, y=2, width=28, height=8, rx=1.5, class_=f"bar {look}"), viewBox="0 0 28 12")


def _caption(figures: DriftFigures) -> str:
    psi = "too few rows for figures" if figures.psi is None else f"PSI {figures.psi:.3f}"
    ks = "" if figures.ks is None else f", KS {figures.ks:.3f}"
    return f"{psi}{ks}, of {figures.rows:,} rows"


def _facts(subject: Subject) -> Element:
    facts = {"model": f"{subject.manifest.reference}, asked for as {subject.asked}"}
    facts |= {"digest": subject.manifest.digest, "converted": f"{subject.manifest.created:%Y-%m-%d %H:%M:%S %Z}"}
    facts |= {"archive": ", ".join(subject.paths), "files": f"{subject.files:,}, {subject.size:,} bytes"}
    facts |= read(subject.tally)
    pairs = (tag(name, text) for fact in facts.items() for name, text in zip(("dt", "dd"), fact, strict=True))
    return tag("dl", *pairs)


def _problems(tally: Tally) -> Element:
    rows: list[list[Child]] = [
        [tag("code", each.path, class_="any"), f"{each.offset:,}", each.words] for each in tally.problems
    ]
    told = "What could not be read" if tally.unread <= len(rows) else f"What could not be read, the first {len(rows)}"
    return tag("section", tag("h2", told), table(["file", "from", "what was wrong"], rows, texts=3))
