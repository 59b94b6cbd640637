"""How deep a JSON text nests, told without a parser.

A parser's own limit depends on how deep its caller stands, so an event near it could pass one door and fail at another.
"""

import re

import numpy as np

__all__ = ["MAX_DEPTH", "too_deep"]

MAX_DEPTH = 64

# possessive (++, *+): a megabyte without brackets takes 4 ms instead of 100
_NOT_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^\[\]{}"]++', re.DOTALL)
_NEITHER_BRACKETS_NOR_QUOTES = bytes(set(range(256)) - set(b'[]{}"\\'))
_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1


def too_deep(text: bytes) -> bool:
    """Return whether arrays and objects in `text` nest deeper than `MAX_DEPTH`."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = np.frombuffer(_brackets(text), np.uint8)
    return bool(brackets.size and np.cumsum(_STEP[brackets], dtype=np.int64).max() > MAX_DEPTH)


def _brackets(text: bytes) -> bytes:
    """Return the brackets of `text` that stand outside its strings."""
    kept = text.translate(None, _NEITHER_BRACKETS_NOR_QUOTES).replace(b'""', b"")
    # quotes that stand in pairs enclose no bracket; one that is left over, or escaped, wants a closer look
    return kept if b'"' not in kept and b"\\" not in kept else _NOT_BRACKETS.sub(b"", text)
