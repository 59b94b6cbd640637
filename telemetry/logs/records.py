"""What a log record says, redacted: the one way from a record to words that may be shown.

Rules:
- Nothing of a record is shown but through the redactor, its names included.
- A record that cannot be told is told as that: nothing here raises for what a record holds.
- The record itself is left as it is, for other handlers see it too.
"""

import logging
import math
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from telemetry.logs.names import names_a_secret
from telemetry.logs.redaction import Redactor, is_cut

__all__ = ["ExceptionText", "Said", "exception_text", "redacted", "say"]

_NAME, _FIELD, _MESSAGE, _PIECE = 128, 256, 4_096, 4_096  # letters
_FIELDS: Final = 32
_FRAMES: Final = 32
_LEVELS: Final = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
_INT64: Final = 2**63
_TYPE, _TEXT, _STACK = "exception.type", "exception.message", "exception.stacktrace"  # OpenTelemetry's own names
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", _TYPE, _TEXT, _STACK}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionText:
    """An exception in redacted words.

    Attributes:
        type: its class.
        message: what it says.
        stack: the whole chain as Python shows it, in lines.
    """

    type: str
    message: str
    stack: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a record says, redacted.

    Attributes:
        level: its name.
        logger: its name.
        message: on one line.
        exception: where the record carries one.
        stack: of the call itself, where it was asked for, in lines.
        fields: plain numbers and short texts that came as `extra`.
    """

    level: str
    logger: str
    message: str
    exception: ExceptionText | None
    stack: str | None
    fields: Mapping[str, str | float | bool]


def say(record: logging.LogRecord, redactor: Redactor) -> Said:
    """Return what a record says."""
    return Said(
        level=record.levelname if record.levelname in _LEVELS else redactor.text(str(record.levelname), _NAME),
        logger=redactor.text(str(record.name), _NAME),
        message=redactor.text(_message(record)),
        exception=_exception(record, redactor),
        stack=_lines(redactor.text(str(record.stack_info))) if record.stack_info else None,
        fields=dict(_fields(record, redactor)),
    )


def redacted(record: logging.LogRecord, redactor: Redactor) -> logging.LogRecord:
    """Return a copy of a record that says the same in redacted words, for handlers that are not ours.

    The exception is in the text that formatters append, and in the attributes that OpenTelemetry names for one.
    """
    said = say(record, redactor)
    copy = logging.makeLogRecord({name: value for name, value in vars(record).items() if name in _OWN})
    copy.name, copy.levelname, copy.msg, copy.args = said.logger, said.level, said.message, ()
    copy.exc_info, copy.exc_text, copy.stack_info = None, None, said.stack
    vars(copy).pop("message", None)
    vars(copy).update(said.fields)
    if said.exception is not None:
        copy.exc_text = said.exception.stack
        vars(copy).update({_TYPE: said.exception.type, _TEXT: said.exception.message, _STACK: said.exception.stack})
    return copy


def exception_text(error: BaseException, redactor: Redactor) -> ExceptionText:
    """Return an exception in words: its causes, contexts, groups and notes too."""
    return _told(error, error.__traceback__, redactor)


def _told(error: BaseException, trace: TracebackType | None, redactor: Redactor) -> ExceptionText:
    kind = redactor.text(type(error).__qualname__, _NAME)
    message = redactor.text(_safe(error), _MESSAGE)
    stack = _stack(error, trace, redactor)
    if is_cut(stack):  # its end is what matters most
        stack = f"{stack}\n{kind}: {_lines(message)}"
    return ExceptionText(type=kind, message=message, stack=stack)


def _message(record: logging.LogRecord) -> str:
    try:
        return str(record.getMessage())
    except Exception as error:  # noqa: BLE001 - arguments are whatever a caller gave
        return f"{_safe(record.msg)} (its arguments do not fit: {type(error).__name__})"


def _safe(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - as above
        return f"(cannot be shown: {type(error).__name__})"


def _exception(record: logging.LogRecord, redactor: Redactor) -> ExceptionText | None:
    info = record.exc_info
    if isinstance(info, tuple) and isinstance(info[1], BaseException):
        return _told(info[1], info[2], redactor)
    already = vars(record)
    if _TYPE in already or record.exc_text:  # it was redacted before, or came from another process
        stack = already.get(_STACK) or record.exc_text or ""
        return ExceptionText(
            type=redactor.text(_safe(already.get(_TYPE, "")), _NAME),
            message=redactor.text(_safe(already.get(_TEXT, "")), _MESSAGE),
            stack=_lines(redactor.text(_safe(stack))),
        )
    return None


def _stack(error: BaseException, trace: TracebackType | None, redactor: Redactor) -> str:
    try:
        shown = traceback.TracebackException(type(error), error, trace, limit=-_FRAMES, compact=True)
        # each alone first: a brace that a line of source opens must not swallow what follows
        pieces = [redactor.text(piece.removesuffix("\n"), _PIECE) for piece in shown.format()]
    except Exception as failure:  # noqa: BLE001 - an exception's own methods may raise
        pieces = [f"{type(error).__qualname__} (its traceback cannot be shown: {type(failure).__name__})"]
    return _lines(redactor.text("\n".join(pieces)))


def _lines(text: str) -> str:
    """Return redacted text in lines again; whoever shows it sets them apart from lines of the log."""
    return text.replace("␊", "\n")


def _fields(record: logging.LogRecord, redactor: Redactor) -> Iterator[tuple[str, str | float | bool]]:
    extra = ((name, value) for name, value in vars(record).items() if name not in _OWN)
    for _, (name, value) in zip(range(_FIELDS), extra, strict=False):
        shown = _field(name, value, redactor)
        if shown is not None:
            yield redactor.text(str(name), _NAME), shown


def _field(name: str, value: object, redactor: Redactor) -> str | float | bool | None:
    """Return a value as it may be shown; None for what is neither a number nor a text."""
    if isinstance(value, str):
        text = str.__str__(value)
    elif isinstance(value, int) and abs(value) < _INT64:
        text = int.__repr__(value)
    elif isinstance(value, float) and math.isfinite(value):
        text = float.__repr__(value)
    else:
        return None
    if names_a_secret(name):
        return "[secret]"
    shown = redactor.text(text, _FIELD)
    return _number(value) if shown == text and not isinstance(value, str) else shown


def _number(value: Any) -> float | bool:
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, int) else float(value)
