"""Images: PNG and JPEG in, floats out, and nothing else gets through or blows up."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from scoring.images import MAX_PIXELS, InvalidImageError, decode_image
from tests.scoring.makers import base64_text, image_bytes

GREY = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20)
COLOUR = Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7)


def decode(data: bytes, shape=(1, 3, 4)):
    return decode_image(base64_text(data), shape)


def refusal(text: str, shape=(1, 3, 4)) -> str:
    with pytest.raises(InvalidImageError) as caught:
        decode_image(text, shape)
    return str(caught.value)


def test_grey_png_keeps_every_pixel():
    pixels = decode(image_bytes(GREY))
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, np.asarray(GREY, np.float32)[None])


def test_colour_png_becomes_channels_first():
    pixels = decode(image_bytes(COLOUR), (3, 3, 4))
    np.testing.assert_array_equal(pixels, np.asarray(COLOUR, np.float32).transpose(2, 0, 1))


@pytest.mark.parametrize("image", [GREY, COLOUR, COLOUR.convert("CMYK")])
def test_jpeg_is_near(image):
    pixels = decode(image_bytes(image, "JPEG", quality=95), (3, 3, 4))
    expected = np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1)
    assert np.abs(pixels - expected).mean() < 12


def test_grey_for_a_colour_model_and_colour_for_a_grey_one():
    assert (decode(image_bytes(GREY), (3, 3, 4)) == np.asarray(GREY, np.float32)).all()
    np.testing.assert_array_equal(decode(image_bytes(COLOUR))[0], np.asarray(COLOUR.convert("L"), np.float32))


def test_an_opaque_image_for_a_model_with_alpha():
    assert (decode(image_bytes(COLOUR), (4, 3, 4))[3] == 255).all()


def test_a_palette_with_transparency_gives_its_colours():
    palette = COLOUR.quantize(12)
    plain = decode(image_bytes(palette), (3, 3, 4))
    np.testing.assert_array_equal(decode(image_bytes(palette, transparency=bytes(range(12))), (3, 3, 4)), plain)


def test_sixteen_bits_keep_their_high_byte():
    wide = Image.fromarray(np.array([[0, 255, 256, 65535]], np.uint16))
    np.testing.assert_array_equal(decode(image_bytes(wide), (1, 1, 4)), [[[0, 0, 1, 255]]])


def test_black_and_white():
    image = GREY.point(lambda value: 255 * (value > 100)).convert("1")
    assert set(decode(image_bytes(image)).ravel().tolist()) == {0.0, 255.0}


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (100, 7)])
def test_another_size_is_resized(size):
    flat = Image.new("L", size, 77)
    assert (decode(image_bytes(flat)) == 77).all()


def test_a_resized_image_is_pillows_bilinear():
    expected = COLOUR.resize((9, 5), Image.Resampling.BILINEAR)
    pixels = decode(image_bytes(COLOUR), (3, 5, 9))
    np.testing.assert_array_equal(pixels, np.asarray(expected, np.float32).transpose(2, 0, 1))


@pytest.mark.parametrize("text", ["é", "a", "iVBO\n", "*", "data:image/png;base64,AAAA", "日本"])
def test_not_base64(text):
    assert refusal(text) == "not base64"


@pytest.mark.parametrize(
    "data", [b"", b"plain", image_bytes(GREY, "GIF"), image_bytes(GREY, "BMP"), b"%PDF-1.4", b"\x89PNG"]
)
def test_another_format(data):
    assert refusal(base64_text(data)) == "not a PNG or JPEG"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_image(kind, share):
    data = image_bytes(Image.effect_noise((32, 32), 50), kind)
    assert refusal(base64_text(data[: int(len(data) * share)])) == "damaged"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_claims(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(4097, 4096), (10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)]
)
def test_a_bomb_is_refused_by_its_header(width, height):
    expected = f"{width} x {height} pixels; at most {MAX_PIXELS} in all"
    assert refusal(base64_text(png_that_claims(width, height))) == expected


def test_a_text_bomb_is_refused():
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "b" * 3_000_000, zip=True)
    assert refusal(base64_text(image_bytes(GREY, pnginfo=text))) == "damaged"


SOURCES = [
    image_bytes(image, kind)
    for image in (GREY, COLOUR, COLOUR.quantize(8))
    for kind in ("PNG", "JPEG")
    if not (kind == "JPEG" and image.mode == "P")
]
SOURCES.append(image_bytes(COLOUR.quantize(12), transparency=bytes(range(12))))
EDITS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=5)


@given(st.sampled_from([source for source in SOURCES if source]), EDITS, st.none() | st.integers(0, 400))
def test_any_damage_is_an_image_or_a_refusal(source, edits, length):
    damaged = bytearray(source)
    for place, byte in edits:
        damaged[place % len(damaged)] = byte
    try:
        pixels = decode(bytes(damaged[:length]))
    except InvalidImageError:
        return
    assert pixels.shape == (1, 3, 4)
    assert ((pixels >= 0) & (pixels <= 255)).all()
