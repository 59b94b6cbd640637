import pytest
from pydantic import ValidationError

from telemetry.drift import DriftSettings


def test_defaults():
    settings = DriftSettings()
    assert (settings.window_s, settings.slices, settings.rows_per_second, settings.min_rows) == (3600, 12, 2000, 200)
    assert settings.slice_s == 300


@pytest.mark.parametrize(
    "wrong", [{"window_s": 59}, {"window_s": 604_801}, {"slices": 1}, {"rows_per_second": 0}, {"min_rows": 0}, {"x": 1}]
)
def test_what_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        DriftSettings(**wrong)
