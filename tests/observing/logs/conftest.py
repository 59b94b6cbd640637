"""What a test of the log changes in the process, put back."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

_LIBRARIES = ("aiokafka", "azure", "azure.monitor", "opentelemetry", "urllib3", "uvicorn")


@pytest.fixture
def own_logging() -> Iterator[logging.Logger]:
    """The root logger, with pytest's handlers only; after the test all is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _LIBRARIES}
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield root
    logging.captureWarnings(capture=False)
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
