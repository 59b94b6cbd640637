"""A back-test as one HTML page: what follows, the figures, the pictures, the events that differ most, and what it was.

Rules:
- The page is one file. It asks nothing of anywhere, runs nothing, and says nothing of what is in an event but its id.
- The same comparison gives the same page: there is no clock in it but the one that the caller reads.
"""

from collections.abc import Iterator

from stream_worker.replay.backtest import tables
from stream_worker.replay.backtest.headline import agreement, flipped
from stream_worker.replay.backtest.markup import Child, Element, tag
from stream_worker.replay.backtest.page import page
from stream_worker.replay.backtest.plots import Picture, pictures
from stream_worker.replay.backtest.subject import Subject, certified
from stream_worker.replay.backtest.words import Names, what_follows
from stream_worker.replay.comparison import EXTREMES, Comparison
from stream_worker.replay.tally import Tally

__all__ = ["report"]

_NO_SCALE = "Anomaly scores of two kinds of model have no common scale; their decisions can be compared all the same."
_PROBLEMS = 20
_REFUSED = "Only events that both models answered are compared. These are not among them, by error code:"


def report(comparison: Comparison, subject: Subject, tally: Tally) -> str:
    """Return the page of a comparison.

    Args:
        comparison: the figures.
        subject: what was compared.
        tally: what could not be read, had come already, or was not asked for.
    """
    title = f"Back-test: {subject.names[1]} against {subject.names[0]}"
    return page(title, _header(comparison, subject), *_sections(comparison, subject, tally))


def _header(comparison: Comparison, subject: Subject) -> Element:
    names = subject.names
    made = "" if subject.made is None else f", {subject.made}"
    return tag(
        "header",
        tag("h1", _name(names, 1), " against ", _name(names, 0)),
        tag(
            "p",
            f"A back-test on {comparison.compared:,} events that both models answered{made}. ",
            f"The champion is {names[0]}, the challenger {names[1]}.",
            class_="quiet",
        ),
    )


def _sections(comparison: Comparison, subject: Subject, tally: Tally) -> Iterator[Element]:
    names = subject.names
    follows = (tag("li", _unbroken(sentence)) for sentence in what_follows(comparison, names))
    yield tag("section", tag("h2", "What follows"), tag("ul", *follows), class_="first")
    if comparison.compared:
        yield tag("section", tag("h2", "Figures"), tables.figures(comparison, names), *_bounds(comparison))
        yield tag("div", *map(_figure, pictures(comparison, names)), class_="plots")
        yield tag("section", tag("h2", "Where they differ"), *_differing(comparison, names))
        yield from _in_detail(comparison, names)
    if comparison.refused:
        refused = tables.refusals(comparison, names)
        yield tag("section", tag("h2", "Events that were refused"), tag("p", _REFUSED), refused)
    yield tag("section", tag("h2", "What was compared"), _models(subject), _archive(comparison, subject, tally))
    if tally.problems:
        yield _problems(tally)


def _unbroken(sentence: str) -> str:
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def _bounds(comparison: Comparison) -> Iterator[Element]:
    if comparison.terms.task == "binary" and comparison.labelled:
        yield tag(
            "p",
            "The area under the ROC curve and the average precision are of scores that were counted in bins; of the "
            "scores themselves they lie between the small numbers. All other figures are exact.",
            class_="quiet",
        )


def _figure(picture: Picture) -> Element:
    key = (tag("li", _sample(look), words) for look, words in picture.key)
    return tag(
        "figure",
        tag("h3", picture.title),
        tag("ul", *key, class_="key"),
        picture.element,
        tag("figcaption", picture.caption),
    )


def _sample(look: str) -> Element:
    mark = tag("path", d="M0 6H28", class_=f"line {look}")
    return tag("svg", mark, viewBox="0 0 28 12", aria_hidden="true")


def _differing(comparison: Comparison, names: Names) -> Iterator[Child]:
    if comparison.terms.decides:
        yield tag(
            "p",
            f"They decide {flipped(comparison):,} of {int(comparison.pairs.sum()):,} events differently, and agree on "
            f"{100 * agreement(comparison):.2f} %.",
        )
        yield from tables.decisions(comparison, names)
    yield tables.differences(comparison, names)
    if comparison.terms.task == "outlier":
        yield tag("p", _NO_SCALE, class_="quiet")
    if not comparison.furthest:
        return
    what = "events that are decided differently" if comparison.terms.decides else "events"
    by = (
        "on which both are surest" if comparison.terms.task == "multiclass" else "with the largest differences of score"
    )
    yield tag("h3", f"The {what} {by}, {EXTREMES} at most")
    yield tables.cases(comparison, names)


def _in_detail(comparison: Comparison, names: Names) -> Iterator[Element]:
    if comparison.terms.task == "binary":
        yield tag("section", tag("h2", "At other thresholds"), tables.by_threshold(comparison, names))
    elif comparison.terms.decides and comparison.labelled:
        yield tag("section", tag("h2", "Labels"), tables.by_label(comparison, names))


def _models(subject: Subject) -> Element:
    both = subject.both
    rows: list[list[Child]] = [
        ["asked for as", *subject.asked],
        ["task", *(each.task for each in both)],
        [
            "threshold",
            *("the graph's own" if each.outputs.threshold is None else f"{each.outputs.threshold:g}" for each in both),
        ],
        ["features", *(f"{len(each.features):,}" for each in both)],
        ["certificate", *map(certified, both)],
        ["converted", *(f"{each.created:%Y-%m-%d %H:%M:%S %Z}" for each in both)],
        ["digest", *(tag("code", each.digest, class_="any") for each in both)],
    ]
    if both[0].task != "binary":
        rows = [row for row in rows if row[0] != "threshold"]
    return tables.table(["", *subject.names], rows, texts=3)


def _archive(comparison: Comparison, subject: Subject, tally: Tally) -> Element:
    facts: dict[str, str] = {
        "archive": ", ".join(subject.paths),
        "files": f"{subject.files:,}, {subject.size:,} bytes",
        "events read": f"{comparison.records:,}",
        "answered by both": f"{comparison.compared:,}",
        "truth": "not known" if subject.truth is None else subject.truth,
        "of known truth": f"{comparison.labelled:,}",
    }
    more = {"duplicates passed over": tally.duplicates, "not asked for": tally.outside, "problems": tally.problems}
    facts |= {what: f"{count:,}" for what, count in more.items() if count}
    if subject.rows is not None:
        facts["both answers to each event"] = subject.rows
    pairs = (tag(name, text) for fact in facts.items() for name, text in zip(("dt", "dd"), fact, strict=True))
    return tag("dl", *pairs)


def _problems(tally: Tally) -> Element:
    rows: list[list[Child]] = [
        [tag("code", each.path, class_="any"), f"{each.offset:,}", each.words] for each in tally.shown[:_PROBLEMS]
    ]
    told = "What could not be read" if tally.problems <= _PROBLEMS else f"What could not be read, the first {_PROBLEMS}"
    return tag("section", tag("h2", told), tables.table(["file", "from", "what was wrong"], rows, texts=3))


def _name(names: Names, place: int) -> Element:
    return tag("span", names[place], class_=f"name {('champion', 'challenger')[place]}")
