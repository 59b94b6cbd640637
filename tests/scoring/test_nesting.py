"""How deep a text nests: the quick answer agrees with the obvious one."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scoring.nesting import MAX_DEPTH, too_deep

PIECES = [
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"\\",
    b'\\"',
    b"a",
    b",",
    b"\n",
    b"\xff",
    b"[" * 63,
    b"{" * 30,
    b"]" * 40,
    b'"[',
]


def reference(text: bytes) -> bool:
    """Bracket by bracket, with a flag for strings and one for escapes."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in text:
        if in_string:
            if escaped:
                escaped = False
            elif byte == ord("\\"):
                escaped = True
            elif byte == ord('"'):
                in_string = False
        elif byte == ord('"'):
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest > MAX_DEPTH


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))
@example(b'"' + b"[" * 65)
@example(b'"\\"' + b"[" * 65 + b'"')
@example(b'"\\\\"' + b"[" * 65)
@example(b"[" * 64 + b'"a\\')
@example(b"]" * 10 + b"[" * 70)
def test_it_agrees_with_the_slow_reference(text):
    assert too_deep(text) == reference(text)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_64_levels_pass_and_65_do_not(opening, closing):
    levels = opening.count(b"[") + opening.count(b"{")
    exact = MAX_DEPTH // levels
    assert not too_deep(opening * exact + b"1" + closing * exact)
    assert too_deep(b"[" + opening * exact + b"1" + closing * exact + b"]")


def test_width_is_not_depth():
    assert not too_deep(b"[" + b"[[],{}]," * 10_000 + b"0]")


def test_brackets_in_strings_do_not_count():
    assert not too_deep(b'{"text":"' + b"[" * 1000 + b'"}')


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'["' + b"[]" * 500_000 + b'"]',
        b'["' + b'\\"[' * 300_000 + b'"]',
        b"[]," * 300_000,
    ],
    ids=["arrays", "objects", "one long string", "escapes", "wide"],
)
def test_a_megabyte_is_quick(text):
    started = time.process_time()
    too_deep(text)
    assert time.process_time() - started < 1  # about 0.1 s at worst; a parser in Python would take several


@given(st.lists(st.sampled_from(['"', "[", "]", "{", "}", "\\", "a", ":", ","]), max_size=400).map("".join))
def test_the_quick_look_agrees_with_the_close_one(text):
    from scoring import nesting

    assert nesting._brackets(text.encode()) == nesting._NOT_BRACKETS.sub(b"", text.encode())
