"""The two ways that a line of the log looks: plain, for people, and JSON, for machines; both redacted."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec
from opentelemetry import trace

from telemetry.logs.records import ExceptionText, Said, say
from telemetry.logs.redaction import Redactor

__all__ = ["JsonFormatter", "PlainFormatter"]

_INDENT = "\n  "


class _Formatter(logging.Formatter):
    """What both have in common: whatever a record holds, there is a line, and it is redacted."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; it never raises."""
        try:
            return self._line(record, say(record, self._redactor))
        except Exception as error:  # noqa: BLE001 - the log must not fail who writes to it
            said = Said(
                level="ERROR",
                logger=__name__,
                message=f"a record could not be told: {type(error).__name__}",
                exception=None,
                stack=None,
                fields={},
            )
            return self._line(logging.makeLogRecord({}), said)

    def _line(self, record: logging.LogRecord, said: Said) -> str:
        raise NotImplementedError


class PlainFormatter(_Formatter):
    """Local time, level, logger, message; a traceback follows, indented, so that no line of it looks like one of ours.

    `2026-11-20 08:15:00,250 INFO weir.worker scoring payments with fraud:3`
    """

    def _line(self, record: logging.LogRecord, said: Said) -> str:
        line = f"{self.formatTime(record)} {said.level} {said.logger} {said.message}"
        blocks = [line, *([said.exception.stack] if said.exception else []), *([said.stack] if said.stack else [])]
        return "\n".join(blocks).replace("\n", _INDENT)


class JsonFormatter(_Formatter):
    """One JSON object a line, with the trace and span that it was written in.

    Its fields, where they apply: `time` (UTC, milliseconds), `level`, `logger`, `message`, `service`, `trace_id`,
    `span_id`, `exception` (`type`, `message`, `stack`), `stack`, `fields`.
    """

    def __init__(self, redactor: Redactor, *, service: str) -> None:
        """Set it up.

        Args:
            redactor: goes over everything.
            service: the name that the service goes by in traces.
        """
        super().__init__(redactor)
        self._service = redactor.text(service)

    def _line(self, record: logging.LogRecord, said: Said) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": said.level,
            "logger": said.logger,
            "message": said.message,
            "service": self._service,
            **_current_span(),
        }
        if said.exception is not None:
            line["exception"] = _as_dict(said.exception)
        if said.stack is not None:
            line["stack"] = said.stack
        if said.fields:
            line["fields"] = said.fields
        return msgspec.json.encode(line).decode("utf-8")


def _as_dict(exception: ExceptionText) -> dict[str, str]:
    return {"type": exception.type, "message": exception.message, "stack": exception.stack}


def _current_span() -> dict[str, str]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}
