"""Digits as PNG or JPEG files, and such files as events."""

import base64
import io
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Kind", "event_of", "picture"]

Kind = Literal["png", "jpeg"]


def picture(pixels: npt.NDArray[np.uint8], kind: Kind = "png", *, scale: int = 1) -> bytes:
    """Returns a file of one digit.

    Args:
        pixels: shape ``[8, 8]``, 0 is paper and 255 is ink.
        kind: of the file. A PNG keeps every pixel's value, a JPEG nearly.
        scale: how many pixels wide and high each pixel becomes.
    """
    image = Image.fromarray(pixels)
    enlarged = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    file = io.BytesIO()
    enlarged.save(file, format=kind)
    return file.getvalue()


def event_of(file: bytes) -> bytes:
    """Returns the event, or the record of a request, that carries a PNG or JPEG file."""
    return msgspec.json.encode({"image": base64.b64encode(file).decode()})
