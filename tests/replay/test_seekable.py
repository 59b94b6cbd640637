"""A file that is open only while it is read."""

import io
from pathlib import Path

import pytest

from stream_worker.replay.files import Files, StorageOptions


def test_it_reads_and_seeks_like_a_file_and_is_not_open_in_between(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(100)))
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir()))
    with Files(StorageOptions()) as files, files.open(files.look(str(path)), buffer=16, lasting=False) as source:
        assert source.read(3) == bytes(range(3))
        assert len(list(handles.iterdir())) == before
        assert (source.seek(50), source.read(40), source.tell()) == (50, bytes(range(50, 90)), 90)
        assert (source.seek(-2, io.SEEK_END), source.read()) == (98, b"\x62\x63")
        assert (source.seek(-1, io.SEEK_CUR), source.read(), source.read()) == (99, b"\x63", b"")
        source.seek(0)
        path.unlink()
        with pytest.raises(FileNotFoundError):
            source.read()


def test_a_file_that_is_not_there_is_told_when_it_is_opened(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    with Files(StorageOptions()) as files:
        file = files.look(str(path))
        with files.open(file, lasting=False) as source:
            assert source.read() == b"1"
        path.unlink()
        with pytest.raises(FileNotFoundError):
            files.open(file, lasting=False)
