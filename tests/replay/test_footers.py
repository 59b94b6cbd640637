"""Footers and page headers of Parquet files: what pyarrow says of good ones, and words for the others."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_worker.replay.footers import FooterError, largest_page, read_footer

ROWS = 3000
TABLE = pa.table(
    {
        "number": pa.array(range(ROWS), pa.int64()),
        "word": pa.array([f"word {number % 50}" for number in range(ROWS)]),
        "long": pa.array([str(number) * 20 for number in range(ROWS)]),
        "nested": pa.array([{"a": number, "b": "x"} for number in range(ROWS)]),
        "flag": pa.array([number % 2 == 0 for number in range(ROWS)]),
    }
)
GREAT = 1 << 40


def written(table=TABLE, **more):
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_footers_say_what_pyarrow_says(codec, version, dictionary):
    text = written(
        compression=codec,
        data_page_version=version,
        use_dictionary=dictionary,
        row_group_size=700,
        data_page_size=2000,
        write_page_index=True,
        write_statistics=True,
        write_page_checksum=True,
    )
    described = pq.ParquetFile(io.BytesIO(text)).metadata
    found = read_footer(io.BytesIO(text))
    assert len(found) == described.num_row_groups == 5
    for number, row_group in enumerate(found):
        theirs = described.row_group(number)
        assert (row_group.rows, row_group.size) == (theirs.num_rows, theirs.total_byte_size)
        columns = [theirs.column(place) for place in range(theirs.num_columns)]
        assert list(row_group.chunks) == [column.path_in_schema for column in columns]
        for column in columns:
            chunk = row_group.chunks[column.path_in_schema]
            assert chunk.stop - chunk.start == column.total_compressed_size
            assert chunk.varies == (column.physical_type == "BYTE_ARRAY")
            largest = largest_page(io.BytesIO(text), chunk, GREAT)
            assert 0 < largest <= column.total_uncompressed_size
            with pytest.raises(FooterError) as caught:
                largest_page(io.BytesIO(text), chunk, largest - 1)
            assert f"bytes; at most {largest - 1} are read" in str(caught.value)


def test_statistics_larger_than_usual_do_not_hide_a_page():
    words = pa.table({"x": ["a" * 50_000, "b" * 90_000] * 3})
    text = written(words, use_dictionary=False, compression="none", data_page_size=1)
    (row_group,) = read_footer(io.BytesIO(text))
    assert largest_page(io.BytesIO(text), row_group.chunks["x"], GREAT) >= 90_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not a whole Parquet file: expected it to end with b'PAR1'"),
        (b"PAR1", "not a whole Parquet file: expected it to end with b'PAR1'"),
        (b"hello, world", "not a whole Parquet file: expected it to end with b'PAR1'"),
        (written()[:-1], "not a whole Parquet file: expected it to end with b'PAR1'"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "a footer that claims 2147483647 bytes, in a file of 12"),
        (b"PAR1" + bytes(100) + b"\x64\x00\x00\x00PAR1", "the footer is damaged"),
        (b"PAR1" + b"\x80" * 100 + b"\x64\x00\x00\x00PAR1", "the footer is damaged"),
        (b"PAR1" + bytes(4) + b"PAR1", "the footer is damaged"),
    ],
)
def test_what_is_no_footer_is_told(text, words):
    with pytest.raises(FooterError) as caught:
        read_footer(io.BytesIO(text))
    assert str(caught.value) == words


def test_columns_lie_inside_the_file():
    text = written(TABLE.select(["long"]), compression="none", use_dictionary=False)
    length = int.from_bytes(text[-8:-4], "little")
    footer = text[-8 - length :]
    with pytest.raises(FooterError) as caught:
        read_footer(io.BytesIO(b"PAR1" + footer))
    assert "a column long that claims the bytes 4 to" in str(caught.value)


def test_a_damaged_page_header_is_told_with_its_place():
    text = bytearray(written(TABLE.select(["number"])))
    (row_group,) = read_footer(io.BytesIO(bytes(text)))
    chunk = row_group.chunks["number"]
    text[chunk.start : chunk.start + 20] = b"\xff" * 20
    with pytest.raises(FooterError) as caught:
        largest_page(io.BytesIO(bytes(text)), chunk, GREAT)
    assert str(caught.value) == f"a page at byte {chunk.start} whose header is damaged"


FOOTER = written(row_group_size=1000)


@settings(max_examples=300, deadline=None)
@given(flips=st.lists(st.integers(0, 10**7), min_size=1, max_size=3))
def test_any_damage_to_a_footer_is_told_or_harmless(flips):
    text = bytearray(FOOTER)
    for flip in flips:
        text[-1 - flip // 8 % 2000] ^= 1 << flip % 8
    try:
        for row_group in read_footer(io.BytesIO(bytes(text))):
            for chunk in row_group.chunks.values():
                largest_page(io.BytesIO(bytes(text)), chunk, 1_000_000)
    except FooterError:
        pass
