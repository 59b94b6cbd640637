"""Callers that present one of two keys.

Rules:
- What is kept is a keyed digest of each key, under a secret of this process: neither the comparison's time nor the
  memory of a request's path tells anything of a key, its length included.
- Both keys are compared, always; one that does not exist is compared as a random digest.
- New keys take the place of the old ones in one assignment; a failed reading leaves the old ones.
"""

import asyncio
import logging
import secrets
from hashlib import blake2b
from hmac import compare_digest
from typing import Self

from pydantic import SecretStr

from function_app.auth.key_sources import KeySource
from function_app.auth.refresh import Refresher, RefreshError
from function_app.auth.refusals import bearer, unauthenticated, unauthorized
from function_app.http import Request
from scoring.errors import ConfigurationError

__all__ = ["KeyAuthenticator"]

_LOG = logging.getLogger(__name__)
_DIGEST_BYTES = 32
_LONGEST_PRESENTED = 4096
_READ_S = 15.0
_FIRST_READ_S = 30.0  # a managed identity may take its time to answer for the first time


class KeyAuthenticator:
    """Lets in whoever presents the primary or the secondary key.

    The key is presented as Azure ML endpoints want it, `Authorization: Bearer <key>`, or as `api-key: <key>`: gateways
    and the sign-in of App Service take `Authorization` for their own tokens, and some clients cannot set it. Where both
    come, `Authorization: Bearer` decides. `x-functions-key` is left to the Functions host, which checks its own keys.
    """

    def __init__(self, source: KeySource, *, refresh_s: float = 60.0) -> None:
        """Set it up; nobody is let in until it is entered.

        Args:
            source: where the keys come from.
            refresh_s: how often they are read again, where they can change.
        """
        self._source = source
        self._secret = secrets.token_bytes(_DIGEST_BYTES)
        self._nobody = secrets.token_bytes(_DIGEST_BYTES)
        self._digests = self._nobody, self._nobody
        self._refresher = Refresher(self._read, what=source.name, interval_s=refresh_s, timeout_s=_READ_S)
        self._why_not_ready = "the keys have not been read yet"

    @property
    def why_not_ready(self) -> str:
        """Return why nobody can be let in; empty once the keys were read."""
        return self._why_not_ready

    def check(self, request: Request) -> None:
        """Return if the request presents one of the keys.

        Raises:
            ProblemError: 401.
        """
        headers = request.headers
        presented = bearer(headers) or headers.get("api-key")
        if not presented:
            raise unauthenticated("send a key of this service as `Authorization: Bearer <key>` or `api-key: <key>`")
        if len(presented) > _LONGEST_PRESENTED:
            raise unauthorized("the key is not one of this service's keys")
        digest = self._digest(presented)
        primary, secondary = self._digests
        if not compare_digest(digest, primary) | compare_digest(digest, secondary):
            raise unauthorized("the key is not one of this service's keys")

    async def check_async(self, request: Request) -> None:
        """Do as `check`: there is nothing to wait for.

        Raises:
            ProblemError: 401.
        """
        self.check(request)

    async def __aenter__(self) -> Self:
        """Read the keys, and read them again from now on where they can change.

        Raises:
            ConfigurationError: there is no key, or none that is good enough, or they cannot be read.
        """
        try:
            await self._first_read()
        except BaseException:
            await self._source.close()
            raise
        self._why_not_ready = ""
        if self._source.can_change:
            self._refresher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop reading."""
        await self._refresher.stop()
        await self._source.close()

    async def _first_read(self) -> None:
        try:
            async with asyncio.timeout(_FIRST_READ_S):
                await self._read()
        except TimeoutError:
            raise ConfigurationError(f"{self._source.name}: no answer within {_FIRST_READ_S:g} s") from None
        except RefreshError as error:
            raise ConfigurationError(f"{self._source.name}: {error}") from None

    async def _read(self) -> None:
        keys = (await self._source.read()).checked()
        digests = self._digest_of(keys.primary), self._digest_of(keys.secondary)
        if digests != self._digests:
            self._digests = digests
            _LOG.info("%s: read; accepted from now on: %s", self._source.name, " and ".join(keys.present))

    def _digest_of(self, key: SecretStr | None) -> bytes:
        return self._nobody if key is None else self._digest(key.get_secret_value())

    def _digest(self, text: str) -> bytes:
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES, key=self._secret).digest()
