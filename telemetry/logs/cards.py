"""Digits that are shaped like a card number: 13 to 19 of them, alone or in groups, whose check digit is right.

The check is Luhn's (ISO/IEC 7812-1, annex B). One number in ten passes it by chance, and is masked with the rest.

Rules:
- Groups are parted by single spaces, or by single dashes; not by both.
- The digits of a hex digest, of a UUID and behind a decimal point are no card's.
- Work is linear in the text: sums are kept from the first digit on, and a number has at most 19 groups.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

__all__ = ["mask_cards"]

_SHORTEST, _LONGEST = 13, 19
_RUN: Final = re.compile(r"\d(?:[ -]?\d)*+")
_GROUP: Final = re.compile(r"\d+")
_PIECE: Final = re.compile(r"\d+(?:-\d+)*")
_TOKEN: Final = re.compile(r"[0-9A-Za-z-]*")
_HEX: Final = frozenset("0123456789abcdefABCDEF-")
_REACH: Final = 64  # how far the letters around digits are looked at
_DIGEST: Final = 16  # from so many hex digits on, with letters among them, it is an identifier


class _Group(NamedTuple):
    start: int
    end: int
    separator: str  # that stands before it


def mask_cards(text: str, mask: str) -> str:
    """Return the text with each card number replaced.

    Args:
        text: any; digits of other scripts count as digits.
        mask: what stands in a number's place.
    """
    parts, at = [], 0
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _SHORTEST:
            continue
        for start, end in _cards(text, run):
            parts += [text[at:start], mask]
            at = end
    return "".join([*parts, text[at:]])


def _cards(text: str, run: re.Match[str]) -> list[tuple[int, int]]:
    """Return where numbers begin and end; those that overlap are one."""
    found: list[tuple[int, int]] = []
    for groups in _alike(_groups(text, run)):
        for start, end in _passing(text, groups):
            if found and start < found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((start, end))
    return found


def _groups(text: str, run: re.Match[str]) -> Iterator[_Group]:
    for piece in _PIECE.finditer(text, run.start(), run.end()):
        is_outer = piece.start() == run.start() or piece.end() == run.end()  # others touch spaces alone
        if is_outer and _is_identifier(text, piece.start(), piece.end()):
            continue
        for group in _GROUP.finditer(text, piece.start(), piece.end()):
            start, end = group.span()
            if not _is_fraction(text, start):
                yield _Group(start, end, text[start - 1 : start] if start > run.start() else "")


def _is_identifier(text: str, start: int, end: int) -> bool:
    """Return whether the digits belong to a hex digest or a UUID."""
    left = start
    while left > max(0, start - _REACH) and _is_token(text[left - 1]):
        left -= 1
    match = _TOKEN.match(text, end, end + _REACH)
    right = end if match is None else match.end()
    around = text[left:start] + text[end:right]
    has_letters = any(letter.isalpha() for letter in around)
    return has_letters and right - left >= _DIGEST and _HEX.issuperset(around)


def _is_token(letter: str) -> bool:
    return letter == "-" or (letter.isascii() and letter.isalnum())


def _is_fraction(text: str, start: int) -> bool:
    return text[start - 1 : start] == "." and text[max(0, start - 2) : start - 1].isdigit()


def _alike(groups: Iterator[_Group]) -> Iterator[list[_Group]]:
    """Yield the longest rows of groups that touch each other, with one kind of separator."""
    row: list[_Group] = []
    for group in groups:
        touches = bool(row) and group.start == row[-1].end + 1
        if touches and (len(row) == 1 or group.separator == row[-1].separator):
            row.append(group)
            continue
        if row:
            yield row
        row = [row[-1], group] if touches else [group]
    if row:
        yield row


def _passing(text: str, groups: list[_Group]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of every choice of neighbouring groups that has the length and the check digit."""
    if sum(group.end - group.start for group in groups) < _SHORTEST:
        return
    digits = [int(letter) for group in groups for letter in text[group.start : group.end]]
    sums = [_sums(digits, parity) for parity in (0, 1)]
    ends = list(accumulate(group.end - group.start for group in groups))
    for first, group in enumerate(groups):
        begin = ends[first] - (group.end - group.start)
        for last in range(bisect_left(ends, begin + _SHORTEST, first), len(groups)):
            if ends[last] - begin > _LONGEST:
                break
            doubled = sums[ends[last] % 2]  # the last digit is not doubled, the one before it is
            if (doubled[ends[last]] - doubled[begin]) % 10 == 0:
                yield group.start, groups[last].end


def _sums(digits: list[int], parity: int) -> list[int]:
    """Return the running sums where digits at places of this parity count double, digit sums for tens."""
    doubled = (sum(divmod(2 * digit, 10)) if place % 2 == parity else digit for place, digit in enumerate(digits))
    return list(accumulate(doubled, initial=0))
