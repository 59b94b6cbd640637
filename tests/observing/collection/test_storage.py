import resource
import subprocess
import sys

import pytest

from scoring.errors import ConfigurationError
from telemetry.collection.fakes import FakeStorage
from telemetry.collection.storage import LocalStorage, StorageError, storage_of
from tests.cli.running import ROOT
from tests.observing.collection.making import settings
from tests.observing.collection.storage_contract import NAME, StorageContract


class TestLocal(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(tmp_path / "to" / "here")

    @pytest.fixture
    def found(self, tmp_path):
        root = tmp_path / "to" / "here"
        return lambda: {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def test_who_reads_a_file_that_is_replaced_reads_the_old_one_to_its_end(self, tmp_path, storage):
        storage.put(NAME, memoryview(b"one"))
        with (tmp_path / "to" / "here" / NAME).open("rb") as file:
            storage.put(NAME, memoryview(b"two"))
            assert file.read() == b"one"

    def test_a_file_where_the_folder_should_be(self, tmp_path, storage):
        (tmp_path / "to").write_text("in the way")
        with pytest.raises(StorageError, match=r"^not a directory$"):
            storage.put(NAME, memoryview(b"one"))

    def test_a_folder_where_the_file_should_be(self, tmp_path, storage, found):
        (tmp_path / "to" / "here" / NAME).mkdir(parents=True)
        with pytest.raises(StorageError, match=r"^is a directory$"):
            storage.put(NAME, memoryview(b"one"))
        assert found() == {}


class TestFake(StorageContract):
    @pytest.fixture
    def storage(self):
        return FakeStorage()

    @pytest.fixture
    def found(self, storage):
        return lambda: storage.files

    def test_it_fails_as_told(self, storage):
        storage.failing = "because"
        with pytest.raises(StorageError, match=r"^because$"):
            storage.put(NAME, memoryview(b"one"))
        assert (storage.attempts, storage.files) == (1, {})


def test_a_disk_without_room_is_left_without_a_piece(tmp_path):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    program = (
        "import sys; from pathlib import Path; from telemetry.collection.storage import LocalStorage\n"
        f"try: LocalStorage(Path(sys.argv[1])).put({NAME!r}, memoryview(bytes(5000)))\n"
        "except Exception as error: print(repr(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=limited,
    )
    assert done.stdout == "StorageError('file too large')\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_connection_string_that_is_none():
    with pytest.raises(ConfigurationError) as caught:
        storage_of(settings("abfs://container", connection_string="AccountKey=SECRET"))
    assert str(caught.value) == (
        "WEIR__TELEMETRY__COLLECTION__CONNECTION_STRING of the environment is no connection string of a storage account"
    )
    assert caught.value.__cause__ is None
