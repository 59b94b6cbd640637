"""How a line of the log looks."""

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from telemetry.logs import JsonFormatter, PlainFormatter, Redactor, formats
from tests.observing.logs.making import failed, record_of

CANARY = "canary-0123"
REDACTOR = Redactor([CANARY])
PLAIN = PlainFormatter(REDACTOR)
JSON = JsonFormatter(REDACTOR, service="fraud-scoring")
SPAN = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0xF067AA0BA902B7, is_remote=False, trace_flags=TraceFlags(1))


def test_plain_as_the_standard_library_would():
    record = record_of("scoring %s", "fraud:3")
    usual = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    assert PLAIN.format(record) == usual.format(record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO weir.worker scoring fraud:3", PLAIN.format(record))


def test_a_traceback_is_indented():
    lines = PLAIN.format(failed(ValueError("a\n2026-11-20 00:00:00,000 INFO weir.worker forged"))).split("\n")
    assert lines[1] == "  Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in lines[1:])
    assert lines[-2:] == ["  ValueError: a", "  2026-11-20 00:00:00,000 INFO weir.worker forged"]


def test_json():
    record = record_of("key %s", CANARY, partition=3)
    record.created = 1_763_626_500.25
    assert JSON.format(record) == (
        '{"time":"2025-11-20T08:15:00.250Z","level":"INFO","logger":"weir.worker","message":"key [secret]",'
        '"service":"fraud-scoring","fields":{"partition":3}}'
    )


def test_json_of_an_exception():
    record = failed(ValueError(f"a {CANARY}\nb"))
    record.stack_info = "Stack:\n  here"
    line = JSON.format(record)
    found = json.loads(line)
    assert "\n" not in line
    assert found["exception"]["type"] == "ValueError"
    assert found["exception"]["message"] == "a [secret]␊b"
    assert found["exception"]["stack"].startswith("Traceback (most recent call last):\n")
    assert found["exception"]["stack"].endswith("ValueError: a [secret]\nb")
    assert found["stack"] == "Stack:\n  here"


def test_json_names_the_trace_it_belongs_to():
    with trace.use_span(NonRecordingSpan(SPAN)):
        found = json.loads(JSON.format(record_of("said")))
    assert (found["trace_id"], found["span_id"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert "trace_id" not in json.loads(JSON.format(record_of("said")))


@pytest.mark.parametrize("formatter", [PLAIN, JSON])
def test_there_is_a_line_whatever_happens(formatter, monkeypatch):
    def fail(*_):
        raise RuntimeError(CANARY)

    monkeypatch.setattr(formats, "say", fail)
    line = formatter.format(record_of("said"))
    assert "a record could not be told: RuntimeError" in line
    assert CANARY not in line


@given(st.text(), st.text(), st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.floats())), st.text())
def test_one_record_is_one_line(message, argument, extra, name):
    record = record_of(message, argument)
    record.name = name
    for key, value in extra.items():
        vars(record).setdefault(key, value)
    assert len(PLAIN.format(record).splitlines()) == 1
    line = JSON.format(record)
    assert len(line.splitlines()) == 1
    json.loads(line)
    line.encode()
