"""The log of a program, set up."""

import io
import json
import logging
import sys
import threading
import warnings

import telemetry.logs
from telemetry.logs import (
    LineHandler,
    LogSettings,
    RedactingHandler,
    Redactor,
    guard_handlers,
    guard_uncaught,
    release_handlers,
    set_up_logs,
)

CANARY = "canary-0123"
REDACTOR = Redactor([CANARY])
OFFERED = [
    "ExceptionText", "JsonFormatter", "LineHandler", "LogSettings", "PlainFormatter", "RateLimit", "RedactingHandler",
    "Redactor", "Said", "exception_text", "guard_handlers", "guard_uncaught", "quiet_libraries", "redacted",
    "release_handlers", "say", "secrets_in", "set_up_logs",
]  # fmt: skip


def set_up(stream, **settings):
    return set_up_logs(LogSettings(**settings), service="fraud-scoring", redactor=REDACTOR, stream=stream)


def test_lines_of_every_logger(own_logging):
    stream = io.StringIO()
    set_up(stream)
    logging.getLogger("weir.worker").info("key %s", CANARY)
    logging.getLogger("weir.worker").debug("not asked for")
    assert stream.getvalue().endswith(" INFO weir.worker key [secret]\n")


def test_json_when_asked_for(own_logging):
    stream = io.StringIO()
    set_up(stream, format="json", level="debug")
    logging.getLogger("weir").debug("said")
    assert json.loads(stream.getvalue())["service"] == "fraud-scoring"


def test_an_earlier_one_is_replaced_and_others_stay(own_logging):
    own_logging.handlers.clear()
    other = logging.NullHandler()
    own_logging.addHandler(other)
    first, second = set_up(io.StringIO()), set_up(io.StringIO())
    assert first not in own_logging.handlers
    assert own_logging.handlers == [other, second]


def test_libraries_that_tell_everything_are_quiet(own_logging):
    stream = io.StringIO()
    set_up(stream, level="info")
    for name in ("azure.core.pipeline.policies.http_logging_policy", "aiokafka.conn", "uvicorn.error", "urllib3"):
        logging.getLogger(name).info("told")
    logging.getLogger("azure.monitor.opentelemetry").warning("told")
    assert stream.getvalue() == ""
    logging.getLogger("aiokafka.conn").warning("told")
    assert "aiokafka.conn told" in stream.getvalue()
    set_up(stream, level="error")
    assert not logging.getLogger("azure").isEnabledFor(logging.WARNING)


def test_warnings_go_to_the_log(own_logging):
    stream = io.StringIO()
    set_up(stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)  # pytest's own way of catching them is in place by now
        warnings.warn(f"take care of {CANARY}", stacklevel=1)
    assert "WARNING py.warnings" in stream.getvalue()
    assert "take care of [secret]" in stream.getvalue()
    logging.captureWarnings(capture=False)


def test_a_host_s_handlers_are_guarded_once(own_logging):
    own_logging.handlers.clear()
    stream = io.StringIO()
    theirs, ours = logging.StreamHandler(stream), set_up(io.StringIO())
    own_logging.addHandler(theirs)
    guard_handlers(Redactor(()))
    guard_handlers(REDACTOR)
    assert isinstance(ours, LineHandler)
    assert ours in own_logging.handlers
    (guard,) = (handler for handler in own_logging.handlers if handler is not ours)
    assert isinstance(guard, RedactingHandler)
    assert guard.inner is theirs
    logging.getLogger("weir").error("key %s", CANARY)
    assert stream.getvalue() == "key [secret]\n"
    release_handlers()
    assert set(own_logging.handlers) == {ours, theirs}


def test_uncaught_exceptions(own_logging, capsys):
    stream = io.StringIO()
    set_up(stream)
    guard_uncaught(REDACTOR)
    error = ValueError(CANARY)
    sys.excepthook(ValueError, error, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(CANARY), None)
    thread = threading.Thread(target=lambda: int(CANARY), name="scoring")
    thread.start()
    thread.join()
    quiet = threading.Thread(target=sys.exit)
    quiet.start()
    quiet.join()
    assert "CRITICAL uncaught an exception was not caught\n  ValueError: [secret]\n" in stream.getvalue()
    assert "CRITICAL uncaught an exception was not caught in scoring\n" in stream.getvalue()
    assert "SystemExit" not in stream.getvalue()
    assert CANARY not in stream.getvalue()
    assert capsys.readouterr().err == "interrupted\n"


def test_an_exception_of_a_finaliser(own_logging):
    class Bad:
        def __del__(self):
            raise ValueError(CANARY)

    stream = io.StringIO()
    set_up(stream)
    guard_uncaught(REDACTOR)
    Bad().__del__ = None  # type: ignore[method-assign]
    assert "ValueError: [secret]" in stream.getvalue()


def test_without_any_handler_it_is_redacted_too(own_logging, monkeypatch):
    own_logging.handlers.clear()
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    guard_uncaught(REDACTOR)
    sys.excepthook(ValueError, ValueError(CANARY), None)
    assert stream.getvalue() == "an exception was not caught\nValueError: [secret]\n"


def test_what_the_package_offers():
    assert telemetry.logs.__all__ == OFFERED
    assert all(hasattr(telemetry.logs, name) for name in telemetry.logs.__all__)
