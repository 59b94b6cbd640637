"""Why an event was refused, in words that name the field, what was found and what was expected.

A reason never shows text from the event: a dead letter's headers travel further than its body may. Numbers are shown
when they are too short to be a card's.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, get_args

import msgspec

from scoring.outcomes import Rejected, RejectionCode

__all__ = ["describe", "explain", "without_long_numbers"]

_SHOWN_DIGITS = 11
_SHOWN_NAMES = 12  # of fields that are missing
_LONG_NUMBER = re.compile(rf"\d{{{_SHOWN_DIGITS + 1},}}")
_MISSING = "Object missing required field `"
_TYPES = {
    "float": "a number",
    "int": "an integer",
    "str": "a string",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def explain(
    value: bytes, error: Exception, names: Sequence[str] = (), struct: type[msgspec.Struct] | None = None
) -> Rejected:
    """Return the rejection for an event whose decoding raised `error`.

    Args:
        value: the event's body.
        error: what msgspec raised.
        names: what the places of an array are called, where the event is one.
        struct: what the event should have fitted, to tell every field that is missing.
    """
    if isinstance(error, msgspec.ValidationError):
        return _invalid(value, str(error), names, struct)
    if isinstance(error, UnicodeDecodeError):
        return Rejected("invalid_json", f"the event is not UTF-8 at byte {_not_utf8(value)}")
    if not value.strip():
        return Rejected("empty", "the event is empty; expected a JSON object")
    return Rejected("invalid_json", f"the event is not JSON: {_lower(str(error))}")


def _invalid(value: bytes, message: str, names: Sequence[str], struct: type[msgspec.Struct] | None) -> Rejected:
    """Translate msgspec's message, e.g. "Expected `float`, got `str` - at `$.customer.age`"."""
    what, _, where = message.partition(" - at `$")
    field = where.removesuffix("`").removeprefix(".")
    if what.startswith(_MISSING):
        field = ".".join(part for part in (field, what.removeprefix(_MISSING).removesuffix("`")) if part)
        return Rejected("missing_field", _missing(field, value, struct), field)
    found, expected = partial(_found, value, field), partial(_expected, what)
    if names and field.startswith("["):
        place, _, rest = field[1:].partition("]")
        field = names[int(place)] + rest
    subject = field or "the event"
    if "out of range" in what:  # "Number out of range" or "Integer value out of range": no decoder can show it
        return Rejected("out_of_range", f"{subject} is too large a number; expected one within 64 bits", field)
    return Rejected(_code(what), f"{subject} is {found()}; {expected()}", field)


def _missing(field: str, value: bytes, struct: type[msgspec.Struct] | None) -> str:
    """Return that a field is missing, and which others are."""
    others = [] if struct is None else [name for name in _absent(struct, msgspec.json.decode(value)) if name != field]
    if not others:
        return f"{field} is missing"
    told, more = [field, *others][:_SHOWN_NAMES], len(others) + 1 - _SHOWN_NAMES
    return f"{', '.join(told)} and {more} more are missing" if more > 0 else f"{', '.join(told)} are missing"


def _absent(struct: type[msgspec.Struct], found: Any, above: str = "") -> Iterator[str]:
    """Yield the path of each required field that is not there, in the struct's order."""
    if not isinstance(found, dict):
        return
    for field in msgspec.structs.fields(struct):
        path = f"{above}{field.encode_name}"
        if field.encode_name in found:
            for nested in (field.type, *get_args(field.type)):
                if isinstance(nested, type) and issubclass(nested, msgspec.Struct):
                    yield from _absent(nested, found[field.encode_name], f"{path}.")
        elif field.required:
            yield path


def _code(what: str) -> RejectionCode:
    if "of length" in what:
        return "too_long" if "<=" in what else "wrong_type"
    return "out_of_range" if "<=" in what or ">=" in what else "wrong_type"


def _expected(what: str) -> str:
    """Return what was expected: "Expected `float | null`, got `str`" becomes "expected a number or null"."""
    _, kinds, rest = what.split("`", maxsplit=2)
    words = " or ".join(_TYPES.get(kind, kind) for kind in kinds.split(" | "))
    return f"expected {words}{rest.split(',', maxsplit=1)[0]}"


def _found(value: bytes, field: str) -> str:
    try:
        found = msgspec.json.decode(value)
        for key in field.replace("[", ".[").removeprefix(".").split(".") if field else ():
            found = found[int(key[1:-1])] if key.startswith("[") else found[key]
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return "not what it should be"
    return describe(found)


def describe(found: Any) -> str:
    """Return what a decoded value is, without any text from it."""
    if found is None or isinstance(found, bool):
        return {None: "null", True: "true", False: "false"}[found]
    if isinstance(found, int | float):
        shown = repr(found)
        digits = sum(map(str.isdigit, shown))
        return shown if digits <= _SHOWN_DIGITS else f"a number of {digits} digits"
    if isinstance(found, str):
        return f"a string of {len(found)} characters"
    if isinstance(found, list):
        return f"an array of {len(found)}"
    return f"an object of {len(found)} fields"


def without_long_numbers(message: str) -> str:
    """Return another program's message with every number hidden that is long enough to be a card's."""
    return _LONG_NUMBER.sub(lambda match: f"(a number of {len(match[0])} digits)", message)


def _not_utf8(value: bytes) -> int:
    """Return where the first byte stands that is not UTF-8: msgspec counts from the start of the string it is in."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(value)


def _lower(text: str) -> str:
    return text.removeprefix("JSON is malformed: ")[:1].lower() + text.removeprefix("JSON is malformed: ")[1:]
