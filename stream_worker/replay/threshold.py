"""How many records may fail before a replay stops: it is more likely the wrong model, or the wrong archive."""

import re

import msgspec

from scoring.errors import ConfigurationError

__all__ = ["USUAL", "Threshold"]

_ENOUGH = 65_536  # records that a share is told of while more are coming
_PERCENT = 100.0
_TEXT = re.compile(r"(?P<never>-1)|(?P<limit>\d+(\.\d+)?)(?P<share>%)?")


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A bound on dead letters and problems together.

    Attributes:
        limit: so many, or so many of each hundred records, may there be; None is any number.
        is_share: whether it is the latter, which counts once there are 65,536 records, and in the end.
        only_under_way: whether the end is passed over.
    """

    limit: float | None
    is_share: bool = False
    only_under_way: bool = False

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """Return the threshold that `text` spells: a number, a percentage, or -1 for none.

        Raises:
            ConfigurationError: it is none.
        """
        match = _TEXT.fullmatch(text.strip())
        number = None if match is None or match["never"] else float(match["limit"])
        if match is None or (number is not None and not match["share"] and not number.is_integer()):
            raise ConfigurationError(
                f"--error-threshold {text!r}: expected a number such as 100, a share such as 5%, or -1"
            )
        if number is not None and match["share"] and number > _PERCENT:
            raise ConfigurationError(f"--error-threshold {text!r}: expected at most 100%")
        return cls(limit=number, is_share=bool(match["share"]))

    def __str__(self) -> str:
        return "-1" if self.limit is None else f"{self.limit:g}{'%' * self.is_share}"

    def is_exceeded(self, errors: int, records: int, *, at_the_end: bool = False) -> bool:
        """Return whether there are too many.

        Args:
            errors: dead letters and problems.
            records: that have been read.
            at_the_end: whether no more will come.
        """
        if self.limit is None or (at_the_end and self.only_under_way):
            return False
        if not self.is_share:
            return errors > self.limit
        if not at_the_end and records < _ENOUGH:
            return False
        return errors * _PERCENT > self.limit * max(records, 1)


USUAL = Threshold(limit=50.0, is_share=True, only_under_way=True)
"""What holds where nobody says: a long replay of which half fails stops early, and a short one is soon over anyway."""
