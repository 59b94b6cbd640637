"""The log: lines for people or machines, with their trace, without secrets, and not too many."""

from telemetry.logs.formats import JsonFormatter, PlainFormatter
from telemetry.logs.handlers import LineHandler, RedactingHandler
from telemetry.logs.limits import RateLimit
from telemetry.logs.records import ExceptionText, Said, exception_text, redacted, say
from telemetry.logs.redaction import Redactor
from telemetry.logs.secrets import secrets_in
from telemetry.logs.settings import LogSettings
from telemetry.logs.setup import guard_handlers, guard_uncaught, quiet_libraries, release_handlers, set_up_logs

__all__ = [
    "ExceptionText",
    "JsonFormatter",
    "LineHandler",
    "LogSettings",
    "PlainFormatter",
    "RateLimit",
    "RedactingHandler",
    "Redactor",
    "Said",
    "exception_text",
    "guard_handlers",
    "guard_uncaught",
    "quiet_libraries",
    "redacted",
    "release_handlers",
    "say",
    "secrets_in",
    "set_up_logs",
]
