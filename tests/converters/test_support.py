"""Every estimator that plain numbers can fit: at least eighty agree, and `docs/support.md` says which."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from converters.support import Support, measure, support_table
from tests.converters.running import run

PAGE = Path(__file__).parents[2] / "docs" / "support.md"


@pytest.fixture(scope="module")
def records():
    return list(measure(run))


def test_at_least_eighty_classifiers_and_regressors_agree(records):
    agree = [
        record.name for record in records if record.converts == "yes" and record.kind in ("classifier", "regressor")
    ]
    assert len(agree) >= 80


def test_no_estimator_answers_differently_without_a_word(records):
    assert [(record.name, record.reason) for record in records if record.converts == "no"] == []


def test_every_refusal_says_why(records):
    assert all(
        record.reason.endswith(".") and len(record.reason) > 20 for record in records if record.converts == "refused"
    )


def test_the_page_is_up_to_date(records):
    page = support_table(records)
    if os.environ.get("WEIR_WRITE_DOCS"):
        PAGE.write_text(page)
    # The last digits of a difference are the machine's own, so its order of magnitude is left out of the comparison.
    magnitude = re.compile(r"\| < 1e-\d+ \|")
    assert magnitude.sub("| |", PAGE.read_text()) == magnitude.sub("| |", page)


def test_a_difference_beyond_the_tolerance_is_no_support():
    page = support_table(
        [
            Support(name="Good", kind="classifier", converts="yes", difference=2e-7, flipped=0),
            Support(
                name="Bad", kind="classifier", converts="no", difference=0.15, flipped=3, reason="differs by 1.5e-01"
            ),
            Support(name="Odd", kind="classifier", converts="refused", difference=np.nan, flipped=0, reason="No. Yes."),
        ]
    )
    assert "## Classifiers: 1 of 3 agree" in page
    assert "| Good | yes | < 1e-6 |  |" in page
    assert "| Bad | no | > 1e-5 | differs by 1.5e-01 |" in page
    assert "| Odd | refused |  | No. Yes. |" in page
