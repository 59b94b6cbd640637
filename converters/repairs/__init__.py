"""Converters that skl2onnx lacks or gets wrong, one file for each family, all registered here."""

import functools

from converters.repairs import (
    against,
    bins,
    boosting,
    calibrated,
    constant,
    discriminant,
    imputers,
    interpolation,
    isolation,
    kernels,
    neighbours,
    radius,
    refused,
    selectors,
    several,
    splines,
    targets,
    thresholded,
    trees,
    widened,
)

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Registers every repair with skl2onnx; once is enough, and more does no harm."""
    families = (
        against,
        bins,
        boosting,
        calibrated,
        constant,
        discriminant,
        imputers,
        interpolation,
        isolation,
        kernels,
        neighbours,
        radius,
        refused,
        selectors,
        several,
        splines,
        targets,
        thresholded,
        trees,
        widened,
    )
    for family in families:
        family.register()
