"""What the service says when it refuses something, in the words it uses."""

import time
import uuid

__all__ = ["Refusal", "traced"]


class Refusal(Exception):  # noqa: N818 - it is an answer to the client, not a failure of the server
    """An answer that says no.

    Attributes:
        condition: the error condition, e.g. `b"amqp:not-found"`.
        description: the text for people, ended as the service ends it.
    """

    def __init__(self, condition: bytes, text: str) -> None:
        super().__init__(text)
        self.condition = condition
        self.description = traced(text)

    @classmethod
    def not_found(cls, namespace: str, path: str) -> "Refusal":
        """There is no such event hub, or no such consumer group."""
        return cls(b"amqp:not-found", f"The messaging entity 'sb://{namespace}/{path}' could not be found.")

    @classmethod
    def no_such_partition(cls, partition: str, count: int) -> "Refusal":
        """The event hub exists and the partition does not."""
        text = f"The specified partition is invalid for an EventHub partition sender or receiver: '{partition}'."
        return cls(b"com.microsoft:argument-out-of-range", f"{text} It should be between 0 and {count - 1}.")

    @classmethod
    def unauthorized(cls, namespace: str, path: str, claim: str) -> "Refusal":
        """No token that was accepted on this connection covers the entity."""
        text = f"Unauthorized access. '{claim}' claim(s) are required to perform this operation."
        return cls(b"amqp:unauthorized-access", f"{text} Resource: 'sb://{namespace}/{path}'.")

    @classmethod
    def token_expired(cls) -> "Refusal":
        """The token that let a link in is no longer valid."""
        return cls(b"amqp:unauthorized-access", "ExpiredToken: The token is expired.")

    @classmethod
    def too_large(cls, delivery: int, size: int, limit: int) -> "Refusal":
        """A message, or a batch, is above the limit of the event hub."""
        text = f"The received message (delivery-id:{delivery}, size:{size} bytes) exceeds the limit"
        return cls(b"amqp:link:message-size-exceeded", f"{text} ({limit} bytes) currently allowed on the link.")

    @classmethod
    def stolen(cls, epoch: int, former: int) -> "Refusal":
        """Another receiver has taken the partition."""
        text = f"New receiver 'nil' with higher epoch of '{epoch}' is created hence current receiver 'nil' with epoch"
        more = "is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used."
        return cls(b"amqp:link:stolen", f"{text} '{former}' {more}")

    @classmethod
    def lower_epoch(cls, epoch: int, current: int) -> "Refusal":
        """A receiver with a higher epoch holds the partition."""
        text = (
            f"Receiver 'nil' with a higher epoch '{current}' already exists. Receiver 'nil' with epoch {epoch} cannot"
        )
        more = "be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or"
        return cls(b"amqp:link:stolen", f"{text} {more} ensure all old epoch receivers are closed or disconnected.")

    @classmethod
    def no_epoch(cls, current: int) -> "Refusal":
        """A receiver with an epoch holds the partition, and the new one has none."""
        text = (
            f"At least one receiver for the endpoint is created with epoch of '{current}', and so non-epoch receiver is"
        )
        more = "not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or"
        return cls(b"amqp:link:stolen", f"{text} {more} disconnected.")

    @classmethod
    def too_many_receivers(cls, limit: int) -> "Refusal":
        """A consumer group has as many receivers of the partition as it may have."""
        text = "Exceeded the maximum number of allowed receivers per partition in a consumer group which is"
        return cls(b"amqp:resource-limit-exceeded", f"{text} {limit}.")

    @classmethod
    def beyond_the_end(cls, what: str, supplied: str, last: str) -> "Refusal":
        """A receiver asks to start after events that the partition never had."""
        text = f"The supplied {what} '{supplied}' is invalid. The last {what} in the system is '{last}'"
        return cls(b"com.microsoft:argument-error", text)

    @classmethod
    def bad_filter(cls, selector: str) -> "Refusal":
        """A receiver's filter is not one that the service knows."""
        return cls(b"amqp:not-implemented", f"The filter '{selector}' is not supported.")

    @classmethod
    def busy(cls) -> "Refusal":
        """The namespace is throttled."""
        text = (
            "The request was terminated because the namespace is being throttled. Please wait 4 seconds and try again."
        )
        return cls(b"com.microsoft:server-busy", text)


def traced(text: str) -> str:
    """End a description as the service does: with what its operators would ask for."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return f"{text} TrackingId:{uuid.uuid4()}_G0, SystemTracker:weir, Timestamp:{stamp}"
