"""A report as one HTML document with its style inside, which loads nothing and runs nothing."""

from functools import cache
from pathlib import Path

from stream_worker.replay.backtest.markup import Element, tag, written

__all__ = ["page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, header: Element, *sections: Element, style: str = "") -> str:
    """Return the document.

    Args:
        title: what a browser calls it.
        header: of the page.
        sections: what stands below that, in order.
        style: rules of its own, after those that all reports have.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", _style() + style),
    )
    body = tag("body", header, tag("main", *sections))
    return f"<!doctype html>\n{written(tag('html', head, body, lang='en'))}\n"


@cache
def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")
