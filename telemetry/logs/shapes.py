"""Secrets and bodies that are known by their shape, wherever they stand in a text.

Rules:
- Every step reads the text once: no expression tries the same letters from many starts, for a caller may have written
  them. Runs are taken whole (`++`, `*+`), from their beginning.
- A text is one line; `␊` and `␍` stand where its lines ended.
- Too much is masked rather than too little: what is cut off inside a secret is masked to the end.
"""

import re
from typing import Final

from telemetry.logs.cards import mask_cards
from telemetry.logs.names import names_a_secret

__all__ = ["BODY", "CARD", "SECRET", "mask_shapes"]

SECRET, CARD, BODY = "\x00", "\x01", "\x02"
"""What stands for a mask until all is done: letters that a cleaned text cannot hold."""

_PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|.*)", re.DOTALL
)
_OPEN: Final = re.compile(r"\{[\s␊␍]*+\\*+(?P<quote>[\"'])[^\"'{}]{0,200}+(?P=quote)[\s␊␍]*+:")
_TOKEN: Final = re.compile(r"\\+.|[\"'{}]", re.DOTALL)
_BYTES: Final = re.compile(  # but not the letter b in quotes
    r"(?<!\w)(?:(?<!')(?=b')|(?<!\")(?=b\"))(?:b(?P<mark>[\"'])(?:\\.|(?!(?P=mark))[^\\])*+(?:(?P=mark)|\Z|\\))++",
    re.DOTALL,
)
_INPUT: Final = re.compile(r"input_value=(?:.*?(?=, input_type=)|.*)", re.DOTALL)  # how pydantic shows what it refused
_USER: Final = re.compile(r"://[^\s/?#\"'<>␊␍]*@")
_SCHEME: Final = re.compile(
    r"(?<![\w-])(?P<scheme>(?i:Bearer|SharedKeyLite|SharedKey|SharedAccessSignature)|"
    r"(?i:Basic)(?=\s++(?![a-z]++(?![\w+/=.~-]))))"  # "basic checks" is prose
    r"(?P<gap>\s++|%20)[\w+/=.~%-]{4,}+"
)
_DOTTED: Final = re.compile(r"[\w-]++(?:\.[\w-]*+)*+")
_KEY: Final = re.compile(r"(?<![\w+/-])(?:[\w+/-]{43}=|[\w+/-]{86}==)(?![\w+/=-])", re.ASCII)  # 32 and 64 bytes
_NAME: Final = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?P<gap>(?:\\*+[\"']\s*+[,:=]|\s*+(?:[:=]>?|%3[dD]))\s*+(?:b(?=[\"']))?)"
)
_QUOTED: Final = r"\\*+(?P<mark>[\"'])(?P<quoted>(?:\\.|(?!(?P=mark))[^\\␊])*+)"
_VALUE: Final = re.compile(rf"(?:{_QUOTED}|(?P<bare>[^\s;&\"'␊␍]++))")
_LINE: Final = re.compile(rf"(?:{_QUOTED}|(?P<bare>[^␊␍]++))")
_WHOLE_LINES: Final = ("authorization", "cookie")
_PROSE: Final = re.compile(r"[a-z]++(?![^\s,.;:])")
_SAYING: Final = re.compile(r"(?:a|an|expected|is|it|missing|must|no|not|set|the|there)(?= )")
_JWT_PARTS: Final = 3


def mask_shapes(text: str, *, named: bool = True) -> str:
    """Return the text with every secret, body and card number replaced by its mark.

    Args:
        text: is cleaned.
        named: whether what stands behind a name such as `token:` is a secret, whatever it looks like.
    """
    text = _PEM.sub(SECRET, text)
    text = _mask_bodies(text)
    text = _INPUT.sub(f"input_value={BODY}", text)
    text = _BYTES.sub(BODY, text)
    text = _USER.sub(f"://{SECRET}@", text)
    text = _SCHEME.sub(rf"\g<scheme>\g<gap>{SECRET}", text)
    if named:
        text = _mask_named(text)
    text = _DOTTED.sub(_without_jwt, text)
    text = _KEY.sub(SECRET, text)
    return mask_cards(text, CARD)


def _mask_bodies(text: str) -> str:
    """Mask JSON objects, and dictionaries as Python shows them, from brace to brace."""
    parts, at = [], 0
    while (opening := _OPEN.search(text, at)) is not None:
        parts += [text[at : opening.start()], BODY]
        at = _end_of_body(text, opening)
    return "".join([*parts, text[at:]])


def _end_of_body(text: str, opening: re.Match[str]) -> int:
    depth, is_string = 0, False
    for token in _TOKEN.finditer(text, opening.start()):
        if token[0] == opening["quote"]:
            is_string = not is_string
        elif not is_string and token[0] in "{}":
            depth += 1 if token[0] == "{" else -1
            if depth == 0:
                return token.end()
    return len(text)


def _mask_named(text: str) -> str:
    """Mask what stands behind a name that says that it is a secret: `name=value`, `name: value`, `"name": "value"`."""
    parts, at = [], 0
    for match in _NAME.finditer(text):
        if match.start() < at or not _is_secret(text, match):
            continue
        value = (_LINE if match["name"].lower().endswith(_WHOLE_LINES) else _VALUE).match(text, match.end())
        if value is None or _is_prose(match, value):
            continue
        start, end = value.span("bare" if value["quoted"] is None else "quoted")
        if start < end:
            parts += [text[at:start], SECRET]
            at = end
    return "".join([*parts, text[at:]])


def _is_secret(text: str, match: re.Match[str]) -> bool:
    if match["name"].lower() == "code":  # a key of Azure Functions, in an address
        return text[max(0, match.start() - 1) : match.start()] in {"?", "&"}
    return names_a_secret(match["name"])


def _is_prose(match: re.Match[str], value: re.Match[str]) -> bool:
    """Return whether what follows are words on a setting, and not its value: `http.auth.primary_key: expected ...`."""
    if match["gap"] != ": " or value["bare"] is None:
        return False
    name = match["name"]
    is_path = "." in name.strip(".") or "__" in name.strip("_")
    return (_PROSE if is_path else _SAYING).match(value.string, value.start("bare")) is not None


def _without_jwt(match: re.Match[str]) -> str:
    """Mask a JSON web token (RFC 7519): parts in base64url, the first of which begins with a brace."""
    text = match[0]
    start = text.find("eyJ")
    if start < 0 or text.count(".", start) < _JWT_PARTS - 1:
        return text
    return text[:start] + SECRET
