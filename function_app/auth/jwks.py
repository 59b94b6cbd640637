"""The public keys of an issuer of tokens (RFC 7517).

Rules:
- A fetch is bounded in time, bytes and keys, and follows no redirection: another place is another issuer.
- Only keys that verify RS256 or ES256 are taken, each for that algorithm and no other, whatever a token says.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from function_app.auth.refresh import RefreshError

__all__ = ["JwksClient", "SigningKey", "parse_jwks"]

_MOST_BYTES = 1_048_576
_MOST_KEYS = 100
_LONGEST_KID = 256
_RSA_BITS = range(2048, 8193)  # fewer can be broken, more take too long to verify with
_MEMBERS = {"RS256": ("kty", "n", "e"), "ES256": ("kty", "crv", "x", "y")}


class SigningKey(NamedTuple):
    """A key that tokens are verified with.

    Attributes:
        algorithm: the only one it is used with: RS256 or ES256.
        members: what it is made of; two keys with the same are the same.
        key: as PyJWT wants it.
    """

    algorithm: str
    members: tuple[str, ...]
    key: jwt.PyJWK


class JwksClient:
    """Fetches the keys of one issuer."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Make it ready to fetch."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Fetches are far apart, and a compressed answer would be bounded only once it has been unpacked.
            connector=aiohttp.TCPConnector(force_close=True),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=True,  # many a company reaches its issuer through a proxy only
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def fetch(self) -> dict[str, SigningKey]:
        """Return the issuer's keys by their `kid`.

        Raises:
            RefreshError: there was no answer, or none with a key that can be used.
        """
        if self._session is None:
            raise RefreshError("the client is not open")
        try:
            async with self._session.get(self._url, allow_redirects=False) as response:
                if response.status != 200:  # noqa: PLR2004 - HTTP
                    raise RefreshError(f"the issuer answered {response.status}")
                return parse_jwks(await _body(response.content))
        except TimeoutError:
            raise RefreshError(f"no answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise RefreshError(f"no answer ({type(error).__name__})") from None


def parse_jwks(document: bytes) -> dict[str, SigningKey]:
    """Return the usable keys of a key set by their `kid`.

    Raises:
        RefreshError: it is no key set, or none of its keys can be used.
    """
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RefreshError('the answer is not a JSON Web Key Set, {"keys": [...]}') from None
    if not isinstance(entries, list) or len(entries) > _MOST_KEYS:
        raise RefreshError(f"expected a list of at most {_MOST_KEYS} keys")
    keys: dict[str, SigningKey] = {}
    for entry in entries:
        key = _signing_key(entry) if isinstance(entry, Mapping) else None
        if key is not None:
            keys.setdefault(entry["kid"], key)
    if not keys:
        raise RefreshError("no key of the issuer has a kid and verifies RS256 or ES256")
    return keys


def _signing_key(entry: Mapping[str, Any]) -> SigningKey | None:
    algorithm = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}.get(
        (str(entry.get("kty")), str(entry["crv"]) if "crv" in entry else None)
    )
    kid = entry.get("kid")
    if algorithm is None or not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
        return None
    if entry.get("alg", algorithm) != algorithm or entry.get("use", "sig") != "sig":
        return None
    # The public members alone: a set that gives away a private key is still only verified with.
    members = {name: str(entry.get(name)) for name in _MEMBERS[algorithm]}
    try:
        key = jwt.PyJWK(members, algorithm)
    except (jwt.PyJWTError, ValueError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size not in _RSA_BITS:
        return None
    return SigningKey(algorithm, tuple(members.values()), key)


async def _body(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_chunked(65_536):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise RefreshError(f"the answer has more than {_MOST_BYTES} bytes")
    return bytes(body)
