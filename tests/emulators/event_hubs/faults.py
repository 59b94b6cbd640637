"""Which faults are switched on."""

from dataclasses import dataclass

__all__ = ["Faults"]


@dataclass(slots=True)
class Faults:
    """The switches; all off to begin with.

    Attributes:
        silent: nothing is answered or delivered, and connections stay open.
        delay: seconds before each delivery and each acknowledgement.
        refuse_tokens: every token is answered with 401.
        busy: how many of the next sends and attaches are answered with `com.microsoft:server-busy`.
        lost_acknowledgements: how many of the next sends are stored and then lose their connection.
    """

    silent: bool = False
    delay: float = 0.0
    refuse_tokens: bool = False
    busy: int = 0
    lost_acknowledgements: int = 0

    def is_busy(self) -> bool:
        """Say whether this send, or this attach, is to be refused, and count it."""
        if not self.busy:
            return False
        self.busy -= 1
        return True

    def loses_acknowledgement(self) -> bool:
        """Say whether this send is to lose its connection, and count it."""
        if not self.lost_acknowledgements:
            return False
        self.lost_acknowledgements -= 1
        return True
