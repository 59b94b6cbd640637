"""What becomes of a text."""

import base64
import json
import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telemetry.logs import Redactor
from telemetry.logs.redaction import LONGEST
from telemetry.logs.shapes import mask_shapes

CANARY = "canary/Secret+1=="
NOTE = " [cut short]"
FRAGMENTS = st.sampled_from([
    "password=", "sig=", "?code=", "key: ", "Authorization: ", "Bearer ", "Basic ", "eyJa.b.c", '{"a":', "{'a': ", "}",
    "b'", "'", '"', "\\", '\\"', "input_value=", ", input_type=", "://", "@", "-----BEGIN PRIVATE KEY-----", "secret",
    "-----END PRIVATE KEY-----", "4111111111111111", "4111 1111 ", "-", " ", "\n", "\x00", "\x1b", "\ud800", "[secret]",
    "[body]", "[card number]", NOTE, CANARY, "[", "]", "%3D", ",", ":", "=", ";", "&", "abc", "a.b", "A" * 43 + "=",
    "␊",
])  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(FRAGMENTS, max_size=30).map("".join))
REDACTOR = Redactor([CANARY, "secret", "body] x"])


def test_a_secret_in_clear_and_coded():
    coded = [
        CANARY,
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        quote(CANARY, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d"),
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="),
    ]
    redactor = Redactor([CANARY])
    for form in coded:
        assert redactor.text(f"found {form}, and more") == "found [secret], and more"


@pytest.mark.parametrize("user", ["", "u", "us", "use", "user"])
@pytest.mark.parametrize("behind", ["", ":", ":x", ":xy"])
def test_a_secret_inside_base64(user, behind):
    shown = Redactor([CANARY]).text("<" + base64.b64encode(f"{user}{CANARY}{behind}".encode()).decode() + ">")
    assert "[secret]" in shown
    assert len(shown) < len("<[secret]>") + len(user) * 2 + 10


def test_a_secret_with_quotes_and_line_ends():
    value = 'first"line\nsecond\\line'
    redactor = Redactor([value])
    for text in (value, repr(value), json.dumps(value)):
        assert "second" not in redactor.text(text)


def test_the_longer_of_two_secrets_goes_first():
    assert Redactor(["abcdef", "abcdefghi"]).text("abcdefghi") == "[secret]"


def test_a_secret_too_short_is_not_looked_for():
    assert Redactor(["abc", ""]).text("abc") == "abc"


def test_no_line_can_be_forged():
    shown = Redactor(()).text("a\r\n2026 INFO b\u2028c\x85d\x0be\x1b[31mf\u202eg\x7fh\ti")
    assert shown == "a␍␊2026 INFO b␊c␊d␋e␛[31mf\N{REPLACEMENT CHARACTER}g␡h i"
    assert len(shown.splitlines()) == 1


def test_lone_surrogates_are_no_trouble():
    assert Redactor(["\ud800abcdef"]).text("x \ud800 y").encode() == "x \N{REPLACEMENT CHARACTER} y".encode()


def test_what_is_too_long_is_cut_and_said():
    shown = Redactor(()).text("word " * 100_000)
    assert shown.endswith(NOTE)
    assert LONGEST - 100 < len(shown) <= LONGEST + len(NOTE)
    assert Redactor(()).text("word " * 100, 256).endswith(NOTE)


@pytest.mark.parametrize("before", range(LONGEST - 90, LONGEST + 10))
def test_no_half_of_a_secret_is_left_at_the_cut(before):
    shown = Redactor([CANARY]).text("x" * (before - 1) + " " + CANARY + " more" * 10_000)
    assert "canary" not in shown


@pytest.mark.parametrize("shrinks", [0, 1, 10, 100])
def test_nor_where_looking_ended(shrinks):
    """What masks make shorter lets in what stood behind the cut."""
    fat = "-----BEGIN PRIVATE KEY-----" + "x" * 500 + "-----END PRIVATE KEY----- "
    for at in range(LONGEST + 4096 - 30, LONGEST + 4096 + 5):
        start = fat * shrinks
        shown = Redactor([CANARY]).text(start + "y" * (at - len(start) - 1) + " " + CANARY + " more" * 10_000)
        assert "canary" not in shown


@settings(max_examples=500)
@given(TEXTS)
@example("\x00\x01\x02")
@example("[[secret]]")
@example("password=[cut short]")
def test_redacting_again_changes_nothing(text):
    shown = REDACTOR.text(text)
    assert REDACTOR.text(shown) == shown
    assert CANARY not in shown
    assert len(shown.splitlines()) <= 1
    shown.encode()


@settings(max_examples=200)
@given(st.lists(FRAGMENTS, max_size=80).map("".join))
def test_nor_does_it_where_it_was_cut(text):
    shown = REDACTOR.text(text * 20, 128)
    assert REDACTOR.text(shown, 128) == shown
    assert len(shown) <= 128 + len(NOTE)


@given(st.text(min_size=6).filter(lambda text: "[" not in text and "]" not in text), st.text(), st.text())
def test_no_secret_gets_through(value, before, after):
    shown = Redactor([value]).text(f"{before} {value} {after}")
    for mask in ("[secret]", "[card number]", "[body]"):
        shown = shown.replace(mask, "[]")
    assert value not in shown


HOSTILE = [
    "password=", "a", "a.", "a-", "{", '{"a":', "{'", "1 ", "1", "4111-", "eyJ", "eyJ.", "\\", "b'", "://",
    "input_value=", "-----BEGIN PRIVATE KEY-----", " ", "key ", "key\\", "Bearer ", "Basic ", "'", "\n", "\ud800",
    'authorization: "', "A", 'x\\"=:', "cookie", ", input_type=", "-----END ", "%3D", "[secret]", "%", "\u0660",
    "sig=[", "{ ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", "password=", '{"a": \'', "://"])
def test_work_is_bounded_whatever_a_caller_writes(piece, start):
    """A megabyte costs what its beginning costs: steps of Python are counted, expressions see no more."""
    text = (start + piece * 1_000_000)[:1_000_000]
    window = text[: LONGEST + 4_096]
    redactor = Redactor([CANARY])
    assert len(redactor.text(text)) <= LONGEST + len(NOTE)
    short, long = _calls(lambda: redactor.text(window)), _calls(lambda: redactor.text(text))
    assert long <= 2 * short + 1_000  # what is left after the cut is looked at once more
    assert long < 2_000_000


def _calls(work) -> int:
    count = 0

    def profile(*_):
        nonlocal count
        count += 1

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", HOSTILE)
def test_each_step_reads_the_text_once(piece):
    """Far past the bound; an expression that tried the same letters again and again would take minutes."""
    mask_shapes((piece * 400_000)[:400_000].replace("\n", "␊"))


def test_it_does_not_show_what_it_knows():
    assert CANARY not in repr(Redactor([CANARY]))


def test_sentences_of_our_own_keep_their_words():
    ours = Redactor([CANARY], named=False)
    words = "no identity gave a token: EnvironmentCredential: authentication unavailable"
    assert ours.text(words) == words
    assert REDACTOR.text(words) != words
    jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3In0.c2ln"
    text = f"token: {jwt}, {CANARY} and 4111 1111 1111 1111 in {{'a': 1}}"
    assert ours.text(text) == "token: [secret], [secret] and [card number] in [body]"
