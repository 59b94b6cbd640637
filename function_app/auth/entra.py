"""Callers that present a token of Microsoft Entra ID, or of another issuer of signed JSON Web Tokens.

Rules:
- No request makes a fetch: the issuer's keys are fetched in the background, and an unknown key only hastens that. So
  tokens with made-up keys cost the issuer one fetch every ten seconds at most, however many there are.
- While the issuer is down the keys that were known stay good, however long that lasts.
- Started while the issuer is down, it refuses with 503 until the keys have come: a restart must not become an outage.
"""

import logging
import math
from typing import Self

from function_app.auth.jwks import JwksClient
from function_app.auth.refresh import Refresher
from function_app.auth.refusals import bearer, unauthenticated, unauthorized
from function_app.auth.tokens import TokenVerifier, UnknownKeyError
from function_app.http import Request
from function_app.problems import ProblemError
from function_app.settings import EntraSettings

__all__ = ["EntraAuthenticator"]

_LOG = logging.getLogger(__name__)
_FETCH_S = 5.0
_FETCHES_APART_S = 10.0
_PATIENCE_S = 2.0
_MOST_WAITING = 64  # tokens with made-up keys may wait as well, and must not take every request's place


class _KeyAwaitedError(ProblemError):
    """The token's key is not known, and the issuer's keys are being fetched."""


class EntraAuthenticator:
    """Lets in whoever presents a good token: `Authorization: Bearer <token>`."""

    def __init__(
        self, settings: EntraSettings, *, fetch_s: float = _FETCH_S, fetches_apart_s: float = _FETCHES_APART_S
    ) -> None:
        """Set it up.

        Args:
            settings: whose tokens are good.
            fetch_s: how long fetching the issuer's keys may take.
            fetches_apart_s: how far apart two fetches begin at least.
        """
        self._client = JwksClient(settings.jwks_url, timeout_s=fetch_s)
        self._verifier = TokenVerifier(settings)
        self._waiting = 0
        self._refresher = Refresher(
            self._fetch,
            what=f"the keys of {settings.issuer}",
            interval_s=settings.jwks_cache_s,
            timeout_s=fetch_s + 1,
            floor_s=fetches_apart_s,
        )

    @property
    def why_not_ready(self) -> str:
        """Return why nobody can be let in; empty once the issuer's keys were fetched."""
        return "" if self._verifier.has_keys else "the issuer's keys could not be fetched yet"

    def check(self, request: Request) -> None:
        """Return if the request presents a good token.

        A token signed with an unknown key is refused with `Retry-After`, and the keys are fetched again; `check_async`
        waits for that instead.

        Raises:
            ProblemError: 401 or 403; 503 while no key of the issuer has been fetched.
        """
        token = bearer(request.headers)
        if token is None:
            raise unauthenticated("send a token for this service as `Authorization: Bearer <token>`")
        try:
            self._verifier.check(token)
        except UnknownKeyError:
            raise self._come_again(self._refresher.hasten()) from None

    async def check_async(self, request: Request) -> None:
        """Do as `check`, but wait up to two seconds for the key of a token that is not known, if it may come by then.

        Raises:
            ProblemError: as from `check`.
        """
        try:
            self.check(request)
        except _KeyAwaitedError:
            if self._waiting >= _MOST_WAITING or self._refresher.hasten() >= _PATIENCE_S:
                raise
        else:
            return
        self._waiting += 1
        try:
            await self._refresher.wait(_PATIENCE_S)
        finally:
            self._waiting -= 1
        self.check(request)

    async def __aenter__(self) -> Self:
        """Fetch the issuer's keys, once and within a bound, and keep them fresh from now on."""
        await self._client.__aenter__()
        try:
            await self._refresher.refresh()
        except BaseException:
            await self._client.__aexit__()
            raise
        self._refresher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop fetching."""
        await self._refresher.stop()
        await self._client.__aexit__()

    async def _fetch(self) -> None:
        if self._verifier.use(await self._client.fetch()):
            _LOG.info("the issuer's keys changed")

    def _come_again(self, wait_s: float) -> "_KeyAwaitedError":
        headers = {"Retry-After": str(math.ceil(wait_s) + 1)}
        if not self._verifier.has_keys:
            return _KeyAwaitedError(503, f"{self.why_not_ready}; try again", headers=headers)
        unknown = unauthorized("the token is signed with a key that the issuer has not published")
        return _KeyAwaitedError(unknown.status, unknown.detail, headers=unknown.headers | headers)
