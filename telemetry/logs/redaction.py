"""Takes secrets, bodies and card numbers out of a text, and makes one harmless line of it.

Rules:
- What comes out went through every step; to redact it again changes nothing.
- Work is bounded: what is longer than it may be is cut before it is looked at, with a margin, so that a secret across
  the cut is not left in halves.
- It never raises on any string.
"""

import base64
import json
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from telemetry.logs.shapes import BODY, CARD, SECRET, mask_shapes

__all__ = ["LONGEST", "Redactor", "is_cut"]

LONGEST: Final = 16_384
"""How many letters of a text are shown."""

_CUT: Final = " [cut short]"
_MASKS: Final = {SECRET: "[secret]", CARD: "[card number]", BODY: "[body]"}
_MARGIN: Final = 4_096
_SLACK: Final = 64  # a cut may make one more mask, which is longer than what it stands for
_ROUNDS: Final = 16
_SHORTEST: Final = 4  # a shorter secret would be found everywhere
_SHORTEST_CODED: Final = 6
_CODED_BYTES: Final = 3
_VISIBLE: Final = {
    **{chr(code): chr(0x2400 + code) for code in range(32)},  # the pictures of control characters
    "\t": " ",
    "\x7f": "␡",
    "\x85": "␊",
    "\u2028": "␊",
    "\u2029": "␊",
}


class Redactor:
    """Masks what nobody may read."""

    __slots__ = ("_forms", "_margin", "_named")

    def __init__(self, secrets: Collection[str], *, named: bool = True) -> None:
        """Learn the secrets.

        Args:
            secrets: masked wherever they stand, also as they look in an address, in JSON and in base64. Those of
                fewer than four letters are not: they would be found in every text.
            named: whether what stands behind a name such as `token:` is masked too. Where texts are sentences of our
                own it would mask their words.
        """
        self._named = named
        forms = {part for secret in secrets for form in _forms(secret) for part in _solid(form)}
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._margin = max([_MARGIN, *map(len, self._forms)])

    def text(self, text: str, limit: int = LONGEST) -> str:
        """Return the text on one line, without secrets, bodies and card numbers.

        Ends of lines show as `␊`, other control characters as their pictures too, lone surrogates as question marks.

        Args:
            text: any.
            limit: how many letters are kept, at least 128; the rest is cut, and a note says so.
        """
        was_cut = is_cut(text)
        text = text.removesuffix(_CUT)
        window = text[: limit + self._margin]
        masked = self._mask(_contracted(_clean(window)))
        if len(window) < len(text):  # half a secret may stand at the end of what was looked at
            masked = masked[: -self._margin]
        shown = _expanded(masked)
        if len(window) < len(text) or len(shown) > limit:
            was_cut = True
            shown = _expanded(self._mask(_contracted(shown[: limit - _SLACK])))
        return shown + _CUT if was_cut else shown

    def _mask(self, text: str) -> str:
        """Mask until nothing more is found: what one rule masks may show another what is left.

        A text made so that this takes long is masked as a whole.
        """
        for _ in range(_ROUNDS):
            before = text
            for form in self._forms:
                if form in text:
                    text = text.replace(form, SECRET)
            text = mask_shapes(text, named=self._named)
            if text == before:
                return text
        return SECRET


def is_cut(text: str) -> bool:
    """Return whether a redacted text is only the beginning of what it was."""
    return text.endswith(_CUT)


def _clean(text: str) -> str:
    """Return the text without what a terminal or a log's reader would act on, letter for letter."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _picture(letter) for letter in text)


def _picture(letter: str) -> str:
    return _VISIBLE.get(letter) or (" " if letter.isspace() else "\N{REPLACEMENT CHARACTER}")


def _contracted(text: str) -> str:
    for mark, mask in _MASKS.items():
        text = text.replace(mask, mark)
    return text


def _expanded(text: str) -> str:
    for mark, mask in _MASKS.items():
        text = text.replace(mark, mask)
    return text


def _solid(form: str) -> list[str]:
    """Return what stands between the masks, should a secret hold the words of one."""
    text = _contracted(_clean(form))
    for mark in _MASKS:
        text = text.replace(mark, SECRET)
    return [part for part in text.split(SECRET) if len(part) >= _SHORTEST]


def _forms(secret: str) -> Iterator[str]:
    """Yield what a secret looks like, in clear and coded."""
    for value in {secret, secret.strip()}:
        yield value
        coded = {
            quote(value, safe="", errors="replace"),
            quote(value, errors="replace"),
            quote_plus(value, errors="replace"),
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            repr(value)[1:-1],
            unquote(value),
            *_base64(value.encode("utf-8", "replace")),
        }
        lower = {_lower_escapes(form) for form in coded if "%" in form}
        yield from (form for form in coded | lower if len(form) >= _SHORTEST_CODED)


def _lower_escapes(form: str) -> str:
    parts = form.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _base64(value: bytes) -> Iterator[str]:
    """Yield the base64 of a value, alone and as it looks inside the base64 of something longer, at each offset."""
    if len(value) < _SHORTEST_CODED:
        return
    for code in (base64.b64encode, base64.urlsafe_b64encode):
        whole = code(value).decode("ascii")
        yield whole
        yield whole.rstrip("=")
        for before in range(_CODED_BYTES):
            start = -(-before * 8 // 6)  # the letters that hold nothing of what stands before
            end = (before + len(value)) * 8 // 6  # nor of what comes behind
            yield code(b"\0" * before + value).decode("ascii")[start:end]
