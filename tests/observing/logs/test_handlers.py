"""The handlers: what is written, and what is handed on."""

import io
import logging
import sys

from opentelemetry import trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from telemetry.logs import LineHandler, PlainFormatter, RateLimit, RedactingHandler, Redactor
from tests.observing.logs.making import fail_with, record_of

CANARY = "canary-0123"
REDACTOR = Redactor([CANARY])


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Kept(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []
        self.flushed = self.closed = 0

    def emit(self, record):
        self.records.append(record)

    def flush(self):
        self.flushed += 1

    def close(self):
        self.closed += 1
        super().close()


def line_handler(stream, *, repeats=2):
    clock = Clock()
    limit = RateLimit(repeats=repeats, seconds=60, lines_per_second=100, clock=clock)
    return LineHandler(stream, PlainFormatter(REDACTOR), limit), clock


def words(stream):
    return [line.split(" ", 3)[3] for line in stream.getvalue().splitlines()]


def test_lines_and_what_was_left_out():
    stream = io.StringIO()
    handler, clock = line_handler(stream)
    for number in range(5):
        handler.handle(record_of("offset %d", number))
    clock.now += 60
    handler.handle(record_of("another"))
    handler.handle(record_of("offset %d", 9))
    assert words(stream) == [
        "weir.worker offset 0", "weir.worker offset 1", "weir.worker 3 more like this were left out: offset %d",
        "weir.worker another", "weir.worker offset 9",
    ]  # fmt: skip
    handler.close()


def test_at_the_end_what_was_left_out_is_said():
    stream = io.StringIO()
    handler, _ = line_handler(stream, repeats=1)
    handler.handle(record_of(f"offset {CANARY}"))
    handler.handle(record_of(f"offset {CANARY}"))
    handler.close()
    assert words(stream) == [
        "weir.worker offset [secret]", "weir.worker 1 more like this were left out: offset [secret]",
    ]  # fmt: skip


def test_nobody_reads_it_any_more():
    stream = io.StringIO()
    handler, _ = line_handler(stream)
    stream.close()
    handler.handle(record_of("said"))
    handler.close()


def test_standard_error_is_whatever_it_is_by_then(capsys):
    handler, _ = line_handler(None)
    handler.handle(record_of("said"))
    handler.emit(record_of("said once more"))
    assert [line.split(" ", 4)[4] for line in capsys.readouterr().err.splitlines()] == ["said", "said once more"]
    handler.close()


def test_a_foreign_handler_sees_copies():
    inner = Kept()
    handler = RedactingHandler(inner, REDACTOR)
    assert handler.level == logging.WARNING
    record = record_of("key %s", CANARY)
    handler.handle(record)
    assert [copy.getMessage() for copy in inner.records] == ["key [secret]"]
    assert record.getMessage() == f"key {CANARY}"


def test_its_filters_hold():
    inner = Kept()
    inner.addFilter(lambda record: "no" not in record.getMessage())
    handler = RedactingHandler(inner, REDACTOR)
    handler.handle(record_of("no"))
    handler.handle(record_of("yes"))
    assert [copy.getMessage() for copy in inner.records] == ["yes"]


def test_it_is_flushed_and_closed():
    inner = Kept()
    handler = RedactingHandler(inner, REDACTOR)
    handler.flush()
    handler.close()
    assert (inner.flushed, inner.closed) == (1, 1)


def test_what_opentelemetry_exports():
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    handler = RedactingHandler(LoggingHandler(logger_provider=provider), REDACTOR)
    context = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0xF067AA0BA902B7, False, TraceFlags(1))  # noqa: FBT003
    record = record_of("failed with %s", CANARY, level=logging.ERROR, text=CANARY, partition=3)
    with trace.use_span(NonRecordingSpan(context)):
        try:
            fail_with(ValueError(f"key {CANARY}"))
        except ValueError:
            record.exc_info = sys.exc_info()
            handler.handle(record)
    (exported,) = exporter.get_finished_logs()
    sent = exported.log_record
    assert CANARY not in exported.to_json()
    assert (sent.body, sent.severity_text, sent.trace_id) == ("failed with [secret]", "ERROR", context.trace_id)
    attributes = dict(sent.attributes or {})
    assert str(attributes.pop("exception.stacktrace")).endswith("ValueError: key [secret]")
    assert attributes == {
        "text": "[secret]", "partition": 3, "exception.type": "ValueError", "exception.message": "key [secret]",
    }  # fmt: skip
