"""What a log record says, redacted."""

import logging

import pytest

from telemetry.logs import Redactor, exception_text, redacted, say
from tests.observing.logs.making import failed, record_of

CANARY = "canary-0123"
REDACTOR = Redactor([CANARY])


class Raises:
    def __str__(self):
        raise RuntimeError(CANARY)

    __repr__ = __str__


def test_the_message_after_its_arguments():
    assert say(record_of("key %s of %d", CANARY, 7), REDACTOR).message == "key [secret] of 7"


@pytest.mark.parametrize(
    ("message", "args", "expected"),
    [
        ("a %d", ("x",), "a %d (its arguments do not fit: TypeError)"),
        ("a %s %s", ("x",), "a %s %s (its arguments do not fit: TypeError)"),
        ("a %s", (Raises(),), "a %s (its arguments do not fit: RuntimeError)"),
        (Raises(), (), "(cannot be shown: RuntimeError) (its arguments do not fit: RuntimeError)"),
        (None, (), "None"),
    ],
)
def test_a_message_that_cannot_be_told(message, args, expected):
    assert say(record_of(message, *args), REDACTOR).message == expected


def fail_first():
    try:
        {}[CANARY]
    except KeyError as error:
        raise ValueError(f"cause {CANARY}") from error


def test_all_of_an_exception():
    def fail():
        try:
            fail_first()
        except ValueError:
            group = ExceptionGroup(f"group {CANARY}", [OSError(5, CANARY), RaisedError(CANARY)])
            group.add_note(f"note {CANARY}\nforged")
            raise group  # noqa: B904

    class RaisedError(Exception):
        pass

    try:
        fail()
    except ExceptionGroup as error:
        told = exception_text(error, REDACTOR)
    assert told.type == "ExceptionGroup"
    assert told.message == "group [secret] (2 sub-exceptions)"
    for words in (
        "KeyError: '[secret]'",
        "ValueError: cause [secret]",
        "[Errno 5] [secret]",
        "note [secret]",
        "in fail",
    ):
        assert words in told.stack
    assert CANARY not in told.stack


def test_an_exception_that_cannot_be_shown():
    said = say(failed(ValueError(Raises())), REDACTOR)
    assert said.exception is not None
    assert said.exception.type == "ValueError"
    assert "ValueError" in said.exception.stack
    assert CANARY not in said.exception.stack + said.exception.message


def test_the_end_of_a_long_traceback_is_shown():
    def chain(depth):
        error = ValueError(f"number {depth} " + "x" * 8_000)
        if depth:
            try:
                chain(depth - 1)
            except ValueError as cause:
                raise error from cause
        raise error

    try:
        chain(20)
    except ValueError as error:
        told = exception_text(error, REDACTOR)
    assert told.stack.splitlines()[-1].startswith("ValueError: number 20 ")
    assert len(told.stack) < 25_000


def test_a_brace_in_a_line_of_source_hides_nothing_behind_it():
    try:
        repr({"a": int("no"),
               "b": 2})  # fmt: skip
    except ValueError as error:
        told = exception_text(error, REDACTOR)
    assert told.stack.splitlines()[-1] == "ValueError: invalid literal for int() with base 10: 'no'"


def test_the_stack_of_a_call():
    record = record_of("here")
    record.stack_info = f"Stack (most recent call last):\n  f({CANARY})"
    assert say(record, REDACTOR).stack == "Stack (most recent call last):\n  f([secret])"


def test_fields_are_plain_numbers_and_short_texts():
    record = record_of(
        "said", partition=3, share=0.5, ok=True, text=CANARY, pan=4111111111111111, api_key="abc", thing=object(),
        huge=10**100, nan=float("nan"), nothing=None, raw=b"x", long="y" * 1_000,
    )  # fmt: skip
    fields = say(record, REDACTOR).fields
    assert fields.pop("long").endswith(" [cut short]")  # type: ignore[attr-defined]
    assert fields == {
        "partition": 3, "share": 0.5, "ok": True, "text": "[secret]", "pan": "[card number]", "api_key": "[secret]",
    }  # fmt: skip


def test_fields_are_not_without_number():
    assert len(say(record_of("said", **{f"n{number}": number for number in range(1_000)}), REDACTOR).fields) == 32


def test_a_copy_for_other_handlers():
    record = failed(ValueError(CANARY))
    record.msg, record.args = "key %s", (CANARY,)
    record.partition, record.secret_thing = 3, object()
    logging.Formatter().format(record)  # a handler before ours left its text behind
    copy = redacted(record, REDACTOR)
    assert (copy.getMessage(), copy.args, copy.exc_info, copy.partition) == ("key [secret]", (), None, 3)
    assert vars(copy)["exception.type"] == "ValueError"
    assert vars(copy)["exception.message"] == "[secret]"
    assert "ValueError: [secret]" in vars(copy)["exception.stacktrace"]
    assert CANARY not in repr(vars(copy)) + logging.Formatter().format(copy)
    assert "secret_thing" not in vars(copy)
    assert (copy.created, copy.levelno, copy.lineno) == (record.created, record.levelno, record.lineno)


def test_the_record_itself_stays():
    record = failed(ValueError(CANARY))
    before = dict(vars(record))
    redacted(record, REDACTOR)
    assert vars(record) == before


def test_a_copy_says_the_same_again():
    record = failed(ValueError(CANARY))
    copy = redacted(record, REDACTOR)
    assert say(copy, REDACTOR) == say(record, REDACTOR)
    assert vars(redacted(copy, REDACTOR)) == vars(copy)


def test_no_exception_to_speak_of():
    record = record_of("failed")
    record.exc_info = (None, None, None)
    assert say(record, REDACTOR).exception is None
