"""What pydantic found wrong, in words: each field, its value and what was expected."""

from typing import Any

from pydantic import ValidationError

__all__ = ["in_words"]

_SECRET = ("connection_string", "password", "secret", "key", "token", "sasl")
_SHOWN = 60


def in_words(error: ValidationError) -> str:
    """Return the problems of a validation, one clause a field; values of secret fields are not shown."""
    problems = [dict(problem) for problem in error.errors(include_url=False)]
    return "; ".join(_clause(problem) for problem in problems if not _follows(problem, problems))


def _follows(problem: dict[str, Any], problems: list[dict[str, Any]]) -> bool:
    """Whether a tuple is only too short for lack of the items that are problems of their own."""
    where = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(where) and other["loc"][: len(where)] == where for other in problems
    )


def _clause(problem: dict[str, Any]) -> str:
    # which form of a union was taken stands in the path as well, in parentheses
    where = ".".join(part for part in map(str, problem["loc"]) if not part.startswith("("))
    if problem["type"] == "union_tag_invalid":
        tag, expected = (
            str(problem["ctx"][name]).replace("(", "").replace(")", "") for name in ("tag", "expected_tags")
        )
        return f"{where}.kind: expected {expected.replace(', ', ' or ')} (found {tag!r})"
    if problem["type"] == "union_tag_not_found":
        return f"{where}.kind: is missing" if isinstance(problem["input"], dict) else f"{where}: expected a mapping"
    message = str(problem["msg"]).removeprefix("Value error, ")
    value = problem["input"]
    shown = repr(value)
    is_plain = isinstance(value, str | int | float | bool) and len(shown) <= _SHOWN
    is_open = not any(word in where.lower() for word in _SECRET)
    found = f" (found {shown})" if is_plain and is_open and problem["type"] != "extra_forbidden" else ""
    if problem["type"] == "extra_forbidden":
        message = "there is no such key"
    if problem["type"] == "missing":
        message = "is missing"
    return f"{where}: {message}{found}" if where else message
