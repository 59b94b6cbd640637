"""The page of a back-test: whole, escaped, the same each time, and silent about what is in an event."""

import dataclasses
import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree.ElementTree import fromstring

import msgspec
import numpy as np
import pytest

from scoring import Outputs
from stream_worker.replay.backtest.terms import MAX_LABELS, Terms
from stream_worker.replay.comparison import Case, Comparison, compare, nothing
from stream_worker.replay.records import Problem
from stream_worker.replay.report import report
from stream_worker.replay.tally import Tally
from tests.replay.backtest.batches import CERTIFICATE, LABELS, batch, models, subject, terms

TASKS = sorted(LABELS)
VOID = {"meta", "br"}
NASTY = "</code><script>alert('x')</script>&\"\x00\u202e\n"


def page(task: str, comparison: Comparison | None = None, tally: Tally | None = None, **more) -> str:
    return report(comparison or compare(terms(task), batch(task)), subject(task, **more), tally or Tally())


def text_of(html: str) -> str:
    """What a reader sees, blanks aside."""
    body = re.sub(r"<[^>]+>", " ", html.partition("<body>")[2])
    return " ".join(body.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").split())


class Tags(HTMLParser):
    """Counts tags, and sees that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def tags(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    assert parser.opened == []
    return parser


@pytest.mark.parametrize("task", TASKS)
def test_a_page_is_whole_and_asks_nothing_of_anywhere(task):
    html = page(task)
    found = tags(html)
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert found.seen["svg"] > 2
    assert not {"script", "link", "img", "image", "iframe", "object", "use", "a"} & set(found.seen)
    assert not {"src", "href", "xlink:href", "style", "onload", "onclick"} & {name for name, _ in found.attributes}
    assert re.search(r"https?:|url\(|@import|//", html) is None
    assert "default-src 'none'" in html


@pytest.mark.parametrize("task", TASKS)
def test_every_number_in_a_picture_is_one(task):
    for number in re.findall(r'(?:\bd|x|y|cx|cy)="([^"]*)"', page(task)):
        assert re.fullmatch(r"[MLHVZ \d.-]*", number), number


@pytest.mark.parametrize("task", TASKS)
def test_the_same_comparison_gives_the_same_page(task):
    assert page(task) == page(task)
    assert re.search(r"20\d\d-(?!05-01)", page(task)) is None  # nothing but when the models were converted
    assert "that both models answered, 20 November 2026." in page(task, made="20 November 2026")


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_a_page_too(task):
    html = page(task, nothing(terms(task)))
    assert tags(html).seen["svg"] == 0
    assert "No event was answered by both model:1 and model:2: there is nothing to compare." in html


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("known", [0, 1])
def test_one_event_is_a_page_too(task, known):
    found = tags(page(task, compare(terms(task), batch(task, 1, refused=0, known=known))))
    assert found.seen["svg"] > 2


def test_what_was_compared_is_told():
    told = text_of(
        page(
            "binary",
            tally=Tally(duplicates=3, outside=4),
            paths=("archive/2026", "more.jsonl"),
            truth="is_fraud of each event",
            rows="events/, as parquet",
        )
    )
    digest = models("binary")[0].digest
    for words in (
        "model:2 against model:1",
        "asked for as model@champion model@challenger",
        "threshold 0.5 0.4",
        f"digest {digest} {digest}",
        f"certificate passed, {CERTIFICATE.score_difference:.2g} at most",
        "converted 2024-05-01 00:00:00 UTC",
        "archive archive/2026, more.jsonl",
        "files 1, 12,345 bytes",
        "events read 4,000",
        "truth is_fraud of each event",
        "duplicates passed over 3 not asked for 4",
        "both answers to each event events/, as parquet",
    ):
        assert words in told, words
    assert "What could not be read" not in told


def test_figures_are_marked_where_one_is_better():
    html = page("regression")
    assert html.count('"number better"') == 4
    cells = r'<td class="number">2\d\.\d+</td><td class="number better">1\d\.\d+</td>'
    assert re.search(f"mean absolute error</th>{cells}", html)


def test_the_area_is_told_with_its_bounds():
    assert re.search(r"area under the ROC curve 0\.\d{4} 0\.\d{4} to 0\.\d{4} ", text_of(page("binary")))


def test_flips_are_told():
    comparison = compare(terms("binary"), batch("binary"))
    told = text_of(page("binary", comparison))
    pairs = comparison.pairs.tolist()
    assert f"model:1 gives no {pairs[0][0]:,} {pairs[0][1]:,} model:1 gives yes {pairs[1][0]:,} {pairs[1][1]:,}" in told
    for case in comparison.furthest:
        assert case.event in told
        assert case.source in told


def test_refusals_are_told_by_code():
    told = text_of(page("binary"))
    assert "These are not among them, by error code: model:1 champion model:2 challenger events " in told
    for row in ("answered wrong_type", "wrong_type answered", "wrong_type wrong_type"):
        assert re.search(rf"{row} \d+", told)


def test_thresholds_are_told():
    assert re.search(r" 0\.5 (\d[\d,]* ){3}(\d+\.\d\d % ){4}0\.6 ", text_of(page("binary")))
    unknown = compare(terms("binary"), batch("binary", known=0))
    assert re.search(r" 0\.5 (\d[\d,]* ){3}0\.6 ", text_of(page("binary", unknown)))


def test_problems_are_told_and_bounded():
    problems = tuple(Problem(path=f"{number}.avro", offset=number, words="cut short") for number in range(30))
    told = text_of(page("binary", tally=Tally(problems=1030, shown=problems)))
    assert "What could not be read, the first 20" in told
    assert "19.avro 19 cut short" in told
    assert "20.avro" not in told


def test_whatever_is_named_is_escaped():
    whole = compare(terms("binary"), batch("binary"))
    case = msgspec.structs.replace(whole.furthest[0], event=NASTY, source=NASTY)
    html = page(
        "binary",
        dataclasses.replace(whole, furthest=(case,)),
        Tally(problems=1, shown=(Problem(path=NASTY, offset=0, words=NASTY),)),
        asked=(NASTY, NASTY),
        paths=(NASTY,),
        truth=NASTY,
        rows=NASTY,
    )
    assert tags(html).seen["script"] == 0
    assert html.count("&lt;script&gt;alert('x')&lt;/script&gt;&amp;") == 9
    assert "\x00" not in html
    assert "\u202e" not in html


def test_labels_are_escaped():
    labels = ("<b>", NASTY)
    odd = msgspec.structs.replace(terms("multiclass"), labels=(*labels, "c"))
    html = page("multiclass", compare(odd, batch("multiclass")))
    assert not {"b", "script"} & set(tags(html).seen)
    assert "&lt;b&gt;" in html
    assert "\x00" not in html


def test_a_page_stays_small_whatever_there_is_to_tell():
    names = tuple(f"label-{number}" for number in range(MAX_LABELS))
    wide = Terms(task="multiclass", labels=names, top_k=2)
    many = batch("multiclass", 20_000)
    random = np.random.default_rng(0)
    spread = dataclasses.replace(
        many,
        labels=np.where(many.labels < 0, -1, random.integers(0, MAX_LABELS, many.labels.shape)),
        truth=random.integers(0, MAX_LABELS, 20_000).astype(float),
        ids=["x" * 256] * 20_000,
    )
    html = page("multiclass", compare(wide, spread))
    tags(html)
    assert len(html) < 500_000
    assert "The 30 most frequent labels" in html
    assert "most frequent first" in html


def test_a_model_without_a_threshold_or_certificate():
    one, _ = models("binary")
    bare = one.model_copy(update={"outputs": Outputs(labels=("no", "yes"), positive="yes"), "certificate": None})
    plain = Terms(task="binary", labels=("no", "yes"), positive=1)
    comparison = compare(plain, batch("binary"))
    told = text_of(report(comparison, dataclasses.replace(subject("binary"), champion=bare), Tally()))
    assert "threshold the graph's own 0.4" in told
    assert "certificate none passed" in told


def test_the_pictures_are_well_formed():
    html = page("binary")
    for picture in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert fromstring(picture).tag == "svg"  # noqa: S314 - it is our own


def test_an_event_without_an_id_is_told_by_where_it_stood():
    whole = compare(terms("regression"), batch("regression"))
    case = Case(distance=1, event="", source="hub", scores=(1.0, 2.0), labels=(-1, -1), truth=None)
    assert "- hub 1 2 -" in text_of(page("regression", dataclasses.replace(whole, furthest=(case,))))
