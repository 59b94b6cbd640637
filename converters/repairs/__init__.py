"""Converters that skl2onnx lacks or gets wrong, one file for each family, all registered here."""

import functools

from converters.repairs import (
    bins,
    boosting,
    constant,
    discriminant,
    imputers,
    interpolation,
    isolation,
    kernels,
    radius,
    refused,
    selectors,
    several,
    splines,
    targets,
    thresholded,
    trees,
)

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Registers every repair with skl2onnx; once is enough, and more does no harm."""
    families = (
        bins,
        boosting,
        constant,
        discriminant,
        imputers,
        interpolation,
        isolation,
        kernels,
        radius,
        refused,
        selectors,
        several,
        splines,
        targets,
        thresholded,
        trees,
    )
    for family in families:
        family.register()
