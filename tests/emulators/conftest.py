"""What the tests of the emulators are given beside the fixtures of `tests/conftest.py`."""

import pytest


@pytest.fixture(autouse=True)
def _impatient(impatient_sdk):
    """Every test here hurries the SDK."""
