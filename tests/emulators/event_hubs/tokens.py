"""Tokens: which are accepted, for how long, and for what."""

import base64
import binascii
import hashlib
import hmac
import json
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["KEY_NAME", "PutToken", "TokenError", "check_jwt", "check_shared_access_signature", "entity_path"]

KEY_NAME = "weir"
SHARED_ACCESS_SIGNATURE = "servicebus.windows.net:sastoken"
_PREFIX = "SharedAccessSignature "


@dataclass(frozen=True, slots=True, kw_only=True)
class PutToken:
    """A token that a client has presented.

    Attributes:
        audience: what it was presented for.
        kind: `servicebus.windows.net:sastoken` or `jwt`.
        token: the token itself.
        status: what it was answered with: 202 where it was accepted, 401 where not.
        time: when it was presented, by the server's clock, in seconds since 1970.
        expires_on: when an accepted token ends, likewise; None where it does not say, or was not accepted.
    """

    audience: str
    kind: str
    token: str
    status: int
    time: float
    expires_on: float | None


class TokenError(Exception):
    """A token is not accepted; the text is the service's."""


def entity_path(audience: str, namespace: str) -> str:
    """Return the path that an audience names inside the namespace, in lower case, with slashes only between.

    Raises:
        TokenError: the audience names another namespace.
    """
    parts = urllib.parse.urlsplit(audience)
    if parts.netloc.lower() not in (namespace, namespace.partition(":")[0]):
        raise TokenError(f"InvalidAudience: The audience '{audience}' is not of this namespace.")
    return parts.path.strip("/").lower()


def check_shared_access_signature(token: str, audience: str, *, namespace: str, key: str, now: float) -> float:
    """Check a shared access signature and return when it expires.

    Raises:
        TokenError: it is malformed, signed with another key, expired, or for something else.
    """
    if not token.startswith(_PREFIX):
        raise TokenError("MalformedToken: The token is not a shared access signature.")
    fields = dict(urllib.parse.parse_qsl(token[len(_PREFIX) :]))
    try:
        resource, signature, expiry, name = fields["sr"], fields["sig"], int(fields["se"]), fields["skn"]
    except (KeyError, ValueError):
        raise TokenError("MalformedToken: The shared access signature lacks a field.") from None
    signed = f"{urllib.parse.quote_plus(resource)}\n{expiry}".encode()
    expected = base64.b64encode(hmac.digest(key.encode(), signed, hashlib.sha256)).decode()
    if name != KEY_NAME or not hmac.compare_digest(signature.encode(), expected.encode()):
        raise TokenError("InvalidSignature: The token has an invalid signature.")
    if expiry <= now:
        raise TokenError("ExpiredToken: The token is expired.")
    scope, wanted = entity_path(resource, namespace), entity_path(audience, namespace)
    if scope and wanted != scope and not wanted.startswith(scope + "/"):
        raise TokenError(f"InvalidAudience: The token is for '{resource}' and does not cover '{audience}'.")
    return expiry


def check_jwt(token: str, *, accepted: Collection[str], now: float) -> float | None:
    """Check a bearer token and return when it expires, None where it does not say.

    Raises:
        TokenError: the test has not listed it, or it is expired.
    """
    if token not in accepted:
        raise TokenError("InvalidToken: The token is not one that the test has listed in accepted_jwts.")
    expiry = _expiry(token)
    if expiry is not None and expiry <= now:
        raise TokenError("ExpiredToken: The token is expired.")
    return expiry


def _expiry(token: str) -> float | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
