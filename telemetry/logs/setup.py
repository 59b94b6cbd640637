"""Sets the log of a program up: one handler of ours on the root logger, and nothing that is not redacted."""

import logging
import sys
import threading
from types import TracebackType
from typing import Final, TextIO

from telemetry.logs.formats import JsonFormatter, PlainFormatter
from telemetry.logs.handlers import LineHandler, RedactingHandler
from telemetry.logs.limits import RateLimit
from telemetry.logs.records import redacted
from telemetry.logs.redaction import Redactor
from telemetry.logs.settings import LogSettings

__all__ = ["guard_handlers", "guard_uncaught", "quiet_libraries", "release_handlers", "set_up_logs"]

_MINUTE_S: Final = 60.0
_UNCAUGHT: Final = logging.getLogger("uncaught")
_QUIET: Final = {
    "aiokafka": logging.WARNING,  # it tells every step of a group
    "azure": logging.WARNING,  # it tells every request, and every step of a connection
    "azure.monitor": logging.ERROR,  # a backend that is down is told by our own counters
    "opentelemetry": logging.WARNING,
    "urllib3": logging.WARNING,  # as azure does, for the exporters
    "uvicorn": logging.WARNING,
}


def set_up_logs(
    settings: LogSettings, *, service: str, redactor: Redactor, stream: TextIO | None = None
) -> logging.Handler:
    """Let the root logger write redacted lines, warnings among them; an earlier set-up of ours is replaced.

    Handlers that are not ours stay as they are; see `guard_handlers`.

    Args:
        settings: how the log looks.
        service: the name that the service goes by in traces.
        redactor: goes over everything.
        stream: where to; standard error for None.
    """
    formatter = JsonFormatter(redactor, service=service) if settings.format == "json" else PlainFormatter(redactor)
    limit = RateLimit(
        repeats=settings.repeats_per_minute, seconds=_MINUTE_S, lines_per_second=settings.lines_per_second
    )
    handler = LineHandler(stream, formatter, limit)
    root = logging.getLogger()
    for earlier in [earlier for earlier in root.handlers if isinstance(earlier, LineHandler)]:
        root.removeHandler(earlier)
        earlier.close()
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    quiet_libraries(root.level)
    logging.captureWarnings(capture=True)
    return handler


def quiet_libraries(level: int = logging.INFO) -> None:
    """Let libraries that tell every step of theirs tell only what is wrong, and never more than the level asks for."""
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, level))


def guard_handlers(redactor: Redactor, logger: logging.Logger | None = None) -> None:
    """Put redaction before every handler that a host has set, as the Azure Functions worker does.

    Those that have it already get the new redactor.

    Args:
        redactor: goes over everything.
        logger: whose handlers; the root logger's for None.
    """
    logger = logging.getLogger() if logger is None else logger
    for handler in list(logger.handlers):
        if isinstance(handler, RedactingHandler):
            handler.redactor = redactor
        elif not isinstance(handler, LineHandler):
            logger.addHandler(RedactingHandler(handler, redactor))
            logger.removeHandler(handler)


def release_handlers(logger: logging.Logger | None = None) -> None:
    """Put the handlers of a host back as they were before they were guarded.

    Args:
        logger: whose handlers; the root logger's for None.
    """
    logger = logging.getLogger() if logger is None else logger
    for handler in list(logger.handlers):
        if isinstance(handler, RedactingHandler):
            logger.removeHandler(handler)
            logger.addHandler(handler.inner)


def guard_uncaught(redactor: Redactor) -> None:
    """Let exceptions that nobody catches end in the log, redacted: of the main thread, of others, and of finalisers.

    An asyncio task's are told by asyncio, in the log already.
    """

    def of_main(_: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
            return
        _tell(redactor, "an exception was not caught", error)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = "a thread" if args.thread is None else args.thread.name
            _tell(redactor, f"an exception was not caught in {name}", args.exc_value)

    def of_finaliser(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            _tell(redactor, args.err_msg or "an exception was ignored", args.exc_value)

    sys.excepthook = of_main
    threading.excepthook = of_thread
    sys.unraisablehook = of_finaliser


def _tell(redactor: Redactor, words: str, error: BaseException) -> None:
    """Log an error; redacted here already, for there may be no handler of ours, and Python then writes it by itself."""
    info = (type(error), error, error.__traceback__)
    record = _UNCAUGHT.makeRecord(_UNCAUGHT.name, logging.CRITICAL, __file__, 0, words, (), info)
    _UNCAUGHT.handle(redacted(record, redactor))
