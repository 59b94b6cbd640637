"""The namespace: what all connections share. It lives in the server's thread."""

import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

from .errors import Refusal
from .faults import Faults
from .log import EventHub, Partition
from .tokens import SHARED_ACCESS_SIGNATURE, PutToken, TokenError, check_jwt, check_shared_access_signature, entity_path

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Entity", "Grant", "Namespace", "RefusedLink"]


class Entity(NamedTuple):
    """What the address of a link names."""

    hub: EventHub
    group: str | None
    partition: Partition | None


class Grant(NamedTuple):
    """What an accepted token covers: the path of an entity, and until when, None where it does not say."""

    path: str
    expires_on: float | None


class RefusedLink(NamedTuple):
    """A link that a client wanted and did not get: the path, and what it was answered."""

    path: str
    condition: bytes
    description: str


class Namespace:
    """Event hubs, tokens, faults and connections.

    Attributes:
        address: `host:port`, which is what clients take for the namespace's name.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = secrets.token_urlsafe(24)
        self.faults = Faults()
        self.hubs: dict[str, EventHub] = {}
        self.connections: set[Connection] = set()
        self.accepted_jwts: set[str] = set()
        self.put_tokens: list[PutToken] = []
        self.refused: list[RefusedLink] = []
        self.clock_ahead = 0.0

    def now(self) -> float:
        """Return the server's time, in seconds since 1970."""
        return time.time() + self.clock_ahead

    def hub(self, name: str) -> EventHub:
        """Return an event hub by its name, whatever the letters' case.

        Raises:
            Refusal: there is none.
        """
        try:
            return self.hubs[name.lower()]
        except KeyError:
            raise Refusal.not_found(self.address, name) from None

    def resolve(self, path: str) -> Entity:
        """Return what a path names: `hub`, `hub/Partitions/n`, or `hub/ConsumerGroups/group/Partitions/n`.

        Raises:
            Refusal: it names nothing.
        """
        match path.split("/"):
            case [name]:
                return Entity(self.hub(name), None, None)
            case [name, partitions, number] if partitions.lower() == "partitions":
                hub = self.hub(name)
                return Entity(hub, None, self.partition(hub, number))
            case [name, groups, group, partitions, number] if (groups.lower(), partitions.lower()) == (
                "consumergroups",
                "partitions",
            ):
                hub = self.hub(name)
                if group.lower() not in hub.groups:
                    raise Refusal.not_found(self.address, f"{name}/consumergroups/{group}")
                return Entity(hub, group.lower(), self.partition(hub, number))
        raise Refusal.not_found(self.address, path)

    @staticmethod
    def partition(hub: EventHub, number: str) -> Partition:
        """Return one of a hub's partitions.

        Raises:
            Refusal: there is none with this number.
        """
        try:
            return hub.partitions[number]
        except KeyError:
            raise Refusal.no_such_partition(number, len(hub.partitions)) from None

    def put_token(self, token: str, kind: str, audience: str) -> Grant:
        """Take a token in, and return what it lets a connection do.

        Raises:
            TokenError: it is not accepted.
            Refusal: it is for an event hub that does not exist.
        """
        now, expires_on, status = self.now(), None, 401
        try:
            path = entity_path(audience, self.address)
            expires_on = self._check(token, kind, audience, now)
            status = 404
            if path and kind == SHARED_ACCESS_SIGNATURE:
                self.hub(path.split("/")[0])
            status = 202
        finally:
            self.put_tokens.append(
                PutToken(audience=audience, kind=kind, token=token, status=status, time=now, expires_on=expires_on)
            )
        return Grant(path, expires_on)

    def _check(self, token: str, kind: str, audience: str, now: float) -> float | None:
        if self.faults.refuse_tokens:
            raise TokenError("InvalidSignature: The token has an invalid signature.")
        if kind == SHARED_ACCESS_SIGNATURE:
            return check_shared_access_signature(token, audience, namespace=self.address, key=self.key, now=now)
        if kind == "jwt":
            return check_jwt(token, accepted=self.accepted_jwts, now=now)
        raise TokenError(f"UnsupportedToken: Tokens of the type '{kind}' are not supported.")
