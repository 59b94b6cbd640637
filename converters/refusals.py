"""How a converter says no: the reason and the remedy, to which `export` adds the name of the step."""

__all__ = ["Unconvertible"]


class Unconvertible(Exception):  # noqa: N818 - it never leaves this package; a ConversionError does
    """A part of an estimator that has no equal in ONNX.

    Attributes:
        reason: what stands in the way.
        remedy: what the reader can do about it.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason)
