"""Converters that skl2onnx lacks or gets wrong, one file for each family, all registered here."""

import functools

from converters.repairs import boosting, isolation, trees

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Registers every repair with skl2onnx; once is enough, and more does no harm."""
    for family in (trees, boosting, isolation):
        family.register()
