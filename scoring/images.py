"""A PNG or JPEG to the array that a graph takes, inside bounds."""

import base64
import binascii
import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

__all__ = ["InvalidImageError", "decode_image"]

MAX_PIXELS = 16_777_216
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class InvalidImageError(ValueError):
    """The text is not an image that can be fed to the model; its message is fit for the sender."""


def decode_image(text: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the image as float32 of `shape` [channels, height, width], values 0 to 255, resized where it differs.

    Raises:
        InvalidImageError: not base64, not a PNG or JPEG, damaged, or of more than 16,777,216 pixels.
    """
    channels, height, width = shape
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidImageError("not base64") from error
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is the stricter one
            if image.width * image.height > MAX_PIXELS:
                raise InvalidImageError(f"{image.width} x {image.height} pixels; at most {MAX_PIXELS} in all")
            pixels = image.convert(_MODES[channels])
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise InvalidImageError("not a whole PNG or JPEG") from error
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(pixels, np.float32).reshape(height, width, channels)
    return np.ascontiguousarray(array.transpose(2, 0, 1))
