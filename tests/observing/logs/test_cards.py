"""Digits that are shaped like a card number."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.logs.cards import mask_cards

VISA = "4111111111111111"
LONG = "630400000000000000"
ARABIC = "".join(chr(0x660 + int(digit)) for digit in VISA)


def masked(text: str) -> str:
    return mask_cards(text, "#")


def check_digit(digits: str) -> str:
    """The digit that makes them pass, worked out the way that people do."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@pytest.mark.parametrize(
    "card",
    [
        VISA, "4222222222222", "378282246310005", "3782 822463 10005", "4111 1111 1111 1111", "4111-1111-1111-1111",
        "30569309025904", LONG + check_digit(LONG), ARABIC,
    ],
)  # fmt: skip
def test_a_card(card):
    assert masked(card) == "#"
    assert masked(f"pan={card}, next") == "pan=#, next"
    assert masked(f"card{card}USD") == "card#USD"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112", "411111111111", "1763649151001", "offset 123456789012345678", "4111  1111  1111  1111",
        "4111 1111-1111 1111", "41111111111111111111111111111111", "2026-11-20 08:15:00,250", "1, 2, 3, 4, 5, 6",
        "0.4111111111111111", "4111.1111.1111.1111",
    ],
)  # fmt: skip
def test_no_card(text):
    assert masked(text) == text


def test_a_card_among_other_numbers():
    assert masked(f"2026-11-20 {VISA}") == "2026-11-20 #"
    assert masked(f"row 17-{VISA}") == "row 17-#"
    assert masked("3 4111 1111 1111 1111 x") in {"3 # x", "# x"}
    assert VISA[4:] not in masked("2026-11-20 4111-1111-1111-1111").replace("-", "")


@pytest.mark.parametrize("name", ["sha1", "sha256", "blake2b"])
def test_hex_digests_stay(name):
    for number in range(2_000):
        digest = hashlib.new(name, str(number).encode()).hexdigest()
        assert masked(digest) == digest


def test_identifiers_stay():
    for number in range(2_000):
        text = str(uuid.UUID(bytes=hashlib.sha256(str(number).encode()).digest()[:16]))
        if any(letter.isalpha() for letter in text):
            assert masked(text) == text


@given(
    st.integers(12, 18).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)),
    st.sampled_from(["", " ", "-"]),
)
def test_whatever_passes_is_masked(digits, separator):
    number = digits + check_digit(digits)
    grouped = separator.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert masked(f"<{grouped}>") == "<#>"


@given(st.integers(13, 19).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)))
def test_whatever_fails_stays(number):
    if check_digit(number[:-1]) != number[-1]:
        assert masked(f"<{number}>") == f"<{number}>"


@given(st.text("0123456789 -.aZ", max_size=200))
def test_masking_again_changes_nothing(text):
    assert masked(masked(text)) == masked(text)
