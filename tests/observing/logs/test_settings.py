"""The settings of the log."""

import pytest
from pydantic import ValidationError

from telemetry.logs import LogSettings


def test_what_they_are_when_nothing_is_said():
    settings = LogSettings()
    assert (settings.format, settings.level) == ("plain", "info")
    assert (settings.repeats_per_minute, settings.lines_per_second) == (60, 200)


@pytest.mark.parametrize(
    "wrong",
    [{"format": "xml"}, {"level": "INFO"}, {"repeats_per_minute": 0}, {"lines_per_second": 0}, {"colour": True}],
)
def test_what_is_refused(wrong):
    with pytest.raises(ValidationError):
        LogSettings.model_validate(wrong)


def test_they_never_change():
    with pytest.raises(ValidationError, match="frozen"):
        LogSettings().level = "debug"  # type: ignore[misc]
