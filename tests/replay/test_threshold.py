"""How many records may fail."""

import pytest

from scoring.errors import ConfigurationError
from stream_worker.replay.threshold import USUAL, Threshold


@pytest.mark.parametrize(
    ("text", "errors", "records", "under_way", "at_the_end"),
    [
        ("-1", 10, 10, False, False),
        ("0", 0, 10, False, False),
        ("0", 1, 10, True, True),
        ("5", 5, 5, False, False),
        ("5", 6, 6, True, True),
        ("10%", 2, 10, False, True),
        ("10%", 1, 10, False, False),
        ("10%", 6554, 65_536, True, True),
        ("10%", 6553, 65_536, False, False),
        ("0.5%", 1, 100, False, True),
        ("100%", 100, 100, False, False),
        ("10%", 3, 0, False, True),
    ],
)
def test_what_is_too_much(text, errors, records, under_way, at_the_end):
    threshold = Threshold.parse(text)
    assert str(threshold) == text
    assert threshold.is_exceeded(errors, records) == under_way
    assert threshold.is_exceeded(errors, records, at_the_end=True) == at_the_end


def test_the_usual_one_is_for_long_replays():
    assert not USUAL.is_exceeded(60_000, 60_000)
    assert not USUAL.is_exceeded(60_000, 60_000, at_the_end=True)
    assert not USUAL.is_exceeded(32_768, 65_536)
    assert USUAL.is_exceeded(32_769, 65_536)


@pytest.mark.parametrize("text", ["", "many", "-2", "1.5", "1e3", "%", "5 %", "nan"])
def test_what_is_no_threshold(text):
    with pytest.raises(ConfigurationError) as error:
        Threshold.parse(text)
    expected = f"--error-threshold {text!r}: expected a number such as 100, a share such as 5%, or -1"
    assert str(error.value) == expected


def test_more_than_all():
    with pytest.raises(ConfigurationError, match=r"--error-threshold '101%': expected at most 100%"):
        Threshold.parse("101%")
