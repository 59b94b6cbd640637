"""What every way of authenticating offers, and the one that asks nothing."""

from typing import Protocol, Self

from function_app.http import Request

__all__ = ["Authenticator", "NoAuthenticator"]


class Authenticator(Protocol):
    """Decides who may ask.

    It is entered before the first request: that reads what it needs and starts what keeps it fresh. Until then every
    request is refused. Leaving it stops the background work within a few seconds.
    """

    @property
    def why_not_ready(self) -> str:
        """Return why nobody can be let in at the moment, in words; empty when all is well."""
        ...

    def check(self, request: Request) -> None:
        """Return if the request may be answered; it costs microseconds and never waits.

        Raises:
            ProblemError: 401, it does not say who asks, or says it wrongly; 403, who asks may not; 503, nobody can be
                told from anybody yet.
        """
        ...

    async def check_async(self, request: Request) -> None:
        """Do as `check`, but wait a moment where that lets a rightful request in.

        Only a token signed with a key so new that it has yet to be fetched is ever waited for.

        Raises:
            ProblemError: as from `check`.
        """
        ...

    async def __aenter__(self) -> Self:
        """Read what is needed, and keep it fresh from now on.

        Raises:
            ConfigurationError: with what is configured nobody could ever be let in.
        """
        ...

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        ...


class NoAuthenticator:
    """Lets everybody in; the settings refuse it beyond loopback unless that is asked for."""

    @property
    def why_not_ready(self) -> str:
        """Return nothing: there is nothing to be ready for."""
        return ""

    def check(self, request: Request) -> None:
        """Return."""

    async def check_async(self, request: Request) -> None:
        """Return."""

    async def __aenter__(self) -> Self:
        """Return this."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Do nothing."""
