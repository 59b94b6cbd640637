"""The client library waits less between two looks, so that a test takes a tenth of the time."""

import pytest


@pytest.fixture(autouse=True)
def _impatient(impatient_sdk: None) -> None:
    """See `impatient_sdk`."""
