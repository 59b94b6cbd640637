"""How a caller says who asks, and how one who may not is told (RFC 6750).

Rules:
- A refusal never repeats what the caller presented, nor anything of what it was compared with.
"""

from collections.abc import Mapping

from function_app.problems import ProblemError

__all__ = ["bearer", "forbidden", "unauthenticated", "unauthorized"]

_SCHEME = "bearer "


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the credential of `Authorization: Bearer`, or None without one."""
    authorization = headers.get("authorization")
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return authorization[len(_SCHEME) :].strip() or None


def unauthenticated(detail: str) -> ProblemError:
    """Return the problem of a request without a credential: 401, and no error code, as RFC 6750 section 3.1 wants."""
    return ProblemError(401, detail, headers={"WWW-Authenticate": "Bearer"})


def unauthorized(detail: str) -> ProblemError:
    """Return the problem of a credential that is not good: 401."""
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def forbidden(detail: str) -> ProblemError:
    """Return the problem of a good credential that does not suffice: 403."""
    return ProblemError(403, detail, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
