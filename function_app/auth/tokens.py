"""Tokens: verified once, then remembered until they expire.

Rules:
- A key is chosen by the token's `kid`, and brings its own algorithm: what the token says of algorithms decides nothing.
- What is remembered is a digest, never the token; only tokens that were good in every respect are remembered.
- When a key is withdrawn or replaced, everything that was remembered is forgotten.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import jwt

from function_app.auth.jwks import SigningKey
from function_app.auth.refusals import forbidden, unauthorized
from function_app.settings import EntraSettings

__all__ = ["TokenVerifier", "UnknownKeyError"]

_LONGEST = 16_384
_LONGEST_HEADER = 2048
_REMEMBERED = 4096
_REQUIRED = ["exp", "iss", "aud"]
_NOT_ONE = "the token cannot be read: expected a signed JSON Web Token"


class UnknownKeyError(Exception):
    """The token names a key that is not known; it may be a new one."""


class TokenVerifier:
    """Verifies tokens against keys that are given to it, and waits for nothing."""

    def __init__(self, settings: EntraSettings, *, clock: Callable[[], float] = time.time) -> None:
        """Set it up.

        Args:
            settings: whose tokens are good.
            clock: seconds since 1970, as tokens count them.
        """
        self._settings = settings
        self._roles = frozenset(settings.roles)
        self._clock = clock
        self._keys: Mapping[str, SigningKey] = {}
        self._good_until: OrderedDict[bytes, float] = OrderedDict()

    @property
    def has_keys(self) -> bool:
        """Whether there is a key to verify with."""
        return bool(self._keys)

    def use(self, keys: Mapping[str, SigningKey]) -> bool:
        """Verify with these keys from now on, and return whether they are other than before."""
        before = {kid: key.members for kid, key in self._keys.items()}
        now = {kid: key.members for kid, key in keys.items()}
        if not before.items() <= now.items():
            self._good_until.clear()
        self._keys = dict(keys)
        return before != now

    def check(self, token: str) -> None:
        """Return if the token is good.

        Raises:
            UnknownKeyError: it is signed with a key that is not known.
            ProblemError: 401 or 403, it is not good; says why.
        """
        if len(token) > _LONGEST or not token.isascii():
            raise unauthorized(f"{_NOT_ONE} of at most {_LONGEST} characters")
        digest = sha256(token.encode()).digest()
        until = self._good_until.get(digest)
        if until is not None and self._clock() < until:
            self._good_until.move_to_end(digest)
            return
        claims = self._claims(token)
        self._check_roles(claims)
        self._remember(digest, float(claims["exp"]) + self._settings.leeway_s)

    def _claims(self, token: str) -> dict[str, Any]:
        signing_key = self._keys.get(_kid(token))
        if signing_key is None:
            raise UnknownKeyError
        try:
            return jwt.decode(
                token,
                signing_key.key,
                algorithms=[signing_key.algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_s,
                options={"require": _REQUIRED},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise unauthorized(self._in_words(error)) from None

    def _check_roles(self, claims: Mapping[str, Any]) -> None:
        if not self._roles:
            return
        roles, scopes = claims.get("roles"), claims.get("scp")
        has = {role for role in roles if isinstance(role, str)} if isinstance(roles, list) else set()
        has.update(scopes.split() if isinstance(scopes, str) else ())
        if self._roles.isdisjoint(has):
            raise forbidden(f"the token has none of the roles that may ask: {', '.join(self._settings.roles)}")

    def _remember(self, digest: bytes, until: float) -> None:
        self._good_until[digest] = until
        self._good_until.move_to_end(digest)
        if len(self._good_until) > _REMEMBERED:
            self._good_until.popitem(last=False)

    def _in_words(self, error: Exception) -> str:
        """Return what is wrong; claims are told of only once the signature has been found good."""
        reasons: dict[type[Exception], str] = {
            jwt.ExpiredSignatureError: "the token has expired",
            jwt.ImmatureSignatureError: "the token is not valid yet",
            jwt.InvalidAudienceError: f"the token is for another audience than {self._settings.audience}",
            jwt.InvalidIssuerError: f"the token is of another issuer than {self._settings.issuer}",
            jwt.MissingRequiredClaimError: f"the token lacks a claim: {', '.join(_REQUIRED)} are needed",
            jwt.InvalidAlgorithmError: "the token is signed with another algorithm than its key's",
            jwt.InvalidSignatureError: "the token's signature is wrong",
        }
        return reasons.get(type(error), _NOT_ONE)


def _kid(token: str) -> str:
    """Return the name of the key that a token says it is signed with.

    The rest is not decoded for that: PyJWT goes through it character by character, and the key may be made up.

    Raises:
        ProblemError: 401, it has no header.
    """
    header, dot, _ = token.partition(".")
    if not dot or len(header) > _LONGEST_HEADER:
        raise unauthorized(_NOT_ONE)
    try:
        return str(jwt.get_unverified_header(f"{header}..").get("kid"))
    except (jwt.PyJWTError, ValueError):
        raise unauthorized(_NOT_ONE) from None
