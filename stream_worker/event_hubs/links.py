"""What the client does not tell: whether its links are attached, and why one is refused.

azure-eventhub 5.15 passes an error on to its caller only when the link had been attached before. A link that is refused
from the start (no such consumer group, no right to listen, a checkpoint that the hub does not know) is tried again for
ever, without a word: only its private parts show that.
"""

from azure.eventhub._pyamqp.error import AMQPException
from azure.eventhub.aio import EventHubConsumerClient

from stream_worker.event_hubs.connection import FAILURES

__all__ = ["Links"]

_TAKEN = "amqp:link:stolen"


class Links:
    """The links of one consumer group."""

    def __init__(self, client: EventHubConsumerClient, group: str) -> None:
        """Look at the links of a client."""
        self._client = client
        self._group = group

    def detached(self) -> set[int]:
        """Return the partitions that are ours and whose link is not attached."""
        return {
            int(number)
            for processor in self._client._event_processors.values()  # noqa: SLF001
            for number, consumer in processor._consumers.items()  # noqa: SLF001
            if not consumer.running
        }

    async def refusal(self, number: int, offset: str) -> Exception | None:
        """Try a link for a moment, without asking for events, and return why it is refused; None where it is not.

        It has no epoch, so it takes the partition from nobody; somebody who has one keeps it out, and that is an answer
        as well: the group exists.
        """
        consumer = self._client._create_consumer(  # noqa: SLF001
            self._group, str(number), offset, _ignore, prefetch=1
        )
        try:
            await consumer._open()  # noqa: SLF001
        except AMQPException as error:
            return None if _TAKEN in str(error) else error
        except FAILURES as error:
            return error
        finally:
            await consumer.close()
        return None


async def _ignore(*_: object) -> None:
    """Take no events: none were asked for."""
