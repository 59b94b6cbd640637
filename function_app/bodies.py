"""Bodies taken apart without touching what is in them: each event keeps the bytes that were sent."""

from typing import Any

import msgspec

from function_app.problems import ProblemError, bad_request
from function_app.settings import LimitSettings
from scoring.nesting import MAX_DEPTH, too_deep

__all__ = ["check_rows", "decoded", "raw_items"]

_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decoded(body: bytes, decode: Any) -> Any:
    """Return what a msgspec decoder makes of a body.

    Raises:
        ProblemError: 400, it is not JSON or not of the form expected; says where.
    """
    if too_deep(body):
        raise bad_request(f"the body nests deeper than {MAX_DEPTH} levels")
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise bad_request(f"the body is not of the form expected: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"the body is not JSON: {error}") from error


def raw_items(body: bytes, limits: LimitSettings) -> list[bytes]:
    """Return the bytes of each item of an array, or of a single object.

    Raises:
        ProblemError: 400, the body is no JSON array or object; 413, it has too many items.
    """
    if body[:1] == b"{" or body.lstrip()[:1] == b"{":
        return [body]
    items = decoded(body, _decode_items)
    check_rows(len(items), limits)
    return list(map(bytes, items))


def check_rows(rows: int, limits: LimitSettings) -> None:
    """Refuse a request with too many rows.

    Raises:
        ProblemError: 413 or 400, says how many there are and how many may be.
    """
    if rows > limits.rows:
        raise ProblemError(413, f"the request has {rows} rows; at most {limits.rows} are accepted")
    if not rows:
        raise bad_request("the request has no rows; expected one at least")
