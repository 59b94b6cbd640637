"""The machine's identity as a sign-in to the Kafka endpoint of Event Hubs.

Rules:
- Every failure is a KafkaError. The client's tasks try again after one of those, and end for good after any other.
- A token is given out for as long as it has minutes left: some of the identity's sources start a program for each.
- The client never renews the sign-in of a connection that stands. The broker closes the connection when its token has
  expired, at the next request and before it does what is asked; the client repeats the request on a new connection,
  for which it asks here again.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["IdentityTokens", "TokenError"]

_LOG = logging.getLogger(__name__)
_TOKEN_S = 15.0  # less than a client may take to start, so that this is what is told
_CLOSE_S = 5.0
_LEAST_LEFT_S = 300.0  # from here on azure-identity gets a new one, too


class TokenError(KafkaConnectionError):  # type: ignore[misc]  # aiokafka ships no types
    """There is no token to sign in with."""


def default_credential() -> AsyncTokenCredential:
    """Return the identity of this machine, or of whoever works on it."""
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - it takes a while, and a key does without

    return DefaultAzureCredential()


class IdentityTokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Gives the client a token for each new connection.

    Attributes:
        problem: why there was none the last time; None when there was one.
    """

    def __init__(self, host: str, *, credential: Callable[[], AsyncTokenCredential] | None = None) -> None:
        """Set it up without asking anybody.

        Args:
            host: the namespace's, which the tokens are for.
            credential: opens the identity; the machine's own by default.
        """
        self.problem: str | None = None
        self._scope = f"https://{host}/.default"
        self._open = credential or default_credential
        self._credential: AsyncTokenCredential | None = None
        self._token: AccessToken | None = None

    async def token(self) -> str:
        """Return a token that has not expired.

        Raises:
            TokenError: the identity gave none in time.
        """
        if self._token is None or self._token.expires_on - time.time() < _LEAST_LEFT_S:
            self._token = await self._fetch()
        return self._token.token

    async def close(self) -> None:
        """Close the identity; another token would open it again."""
        credential, self._credential = self._credential, None
        if credential is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await credential.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hide why we are closing
            _LOG.warning("the identity did not close: %s", _in_words(error))

    async def _fetch(self) -> AccessToken:
        try:
            async with asyncio.timeout(_TOKEN_S):
                if self._credential is None:
                    self._credential = self._open()
                token = await self._credential.get_token(self._scope)
        except Exception as error:
            self.problem = f"no token from this machine's identity: {_in_words(error)}"
            raise TokenError(self.problem) from error
        self.problem = None
        return token


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__
