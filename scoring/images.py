"""A PNG or JPEG to the array that a graph takes, inside bounds."""

import base64
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin

__all__ = ["InvalidImageError", "decode_image"]

MAX_PIXELS = 16_777_216
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# Opened by their own classes: Image.open warns about large ones before it can be asked how large they are
_KINDS = ((b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile), (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile))
_DAMAGES = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, struct.error, zlib.error)


class InvalidImageError(Exception):
    """The text is not an image that can be fed to the model; its message is fit for the sender."""


def decode_image(text: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the image as float32 of `shape` [channels, height, width], values 0 to 255, resized where it differs.

    Raises:
        InvalidImageError: not base64, not a PNG or JPEG, damaged, or of more than 16,777,216 pixels.
    """
    channels, height, width = shape
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error, and a plain one for what is not ASCII
        raise InvalidImageError("not base64") from error
    pixels = _pixels(data, _MODES[channels])
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(pixels, np.float32).reshape(height, width, channels)
    return np.ascontiguousarray(array.transpose(2, 0, 1))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the image in a mode that converts faithfully to those of `_MODES`."""
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")  # converted at once to another mode, Pillow warns
    if image.mode.startswith(
        "I"
    ):  # 16-bit grey, which Pillow would clip at 255: keep the high byte, as it does for RGB
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image


def _pixels(data: bytes, mode: str) -> Image.Image:
    kind = next((kind for magic, kind in _KINDS if data.startswith(magic)), None)
    if kind is None:
        raise InvalidImageError("not a PNG or JPEG")
    try:
        with kind(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InvalidImageError(f"{image.width} x {image.height} pixels; at most {MAX_PIXELS} in all")
            return _eight_bits(image).convert(mode)
    except _DAMAGES as error:
        raise InvalidImageError("damaged") from error
