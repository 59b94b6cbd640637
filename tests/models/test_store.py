"""The local store: the contract, other processes, sudden death, and files that are not what they should be."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models import LocalStore, Reference, resolve
from scoring.errors import ManifestError, ModelNotFoundError, ModelRefusedError, StoreBusyError, StoreError
from tests.models.store_contract import StoreContract, add, described, is_whole

ROOT = Path(__file__).parents[2]


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(tmp_path)

    @pytest.fixture
    def second(self, tmp_path):
        return LocalStore(tmp_path)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def process(root: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.models.store_process", str(root), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finished(running: subprocess.Popen[str]) -> tuple[int, str]:
    output, errors = running.communicate(timeout=60)
    assert not errors
    return running.returncode, output


def test_writers_in_processes_lose_nothing_while_readers_see_whole_versions_only(store, tmp_path):
    running = [process(tmp_path, "add", who, 12) for who in "abcd"]
    seen = 0
    while any(each.poll() is None for each in running):
        versions = store.versions("x")
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) >= seen
        seen = len(versions)
        assert all(is_whole(store, "x", version) for version in versions[-4:])
    taken = {}
    for who, each in zip("abcd", running, strict=True):
        code, output = finished(each)
        assert code == 0
        taken |= {int(version): (who, str(number)) for number, version in enumerate(output.split())}
    assert sorted(taken) == store.versions("x") == list(range(1, 49))
    for version, (who, number) in taken.items():
        assert is_whole(store, "x", version)
        assert store.manifest("x", version).tags == {"who": who, "number": number}
    assert leftovers(tmp_path) == []


def test_movers_of_aliases_in_processes_lose_nothing(store, tmp_path):
    add(store, b"one")
    add(store, b"two")
    running = [process(tmp_path, "alias", who, 25) for who in "abc"]
    while any(each.poll() is None for each in running):
        assert set(store.aliases("x").values()) <= {1, 2}  # a reader finds whole JSON at any time
    assert [finished(each)[0] for each in running] == [0, 0, 0]
    assert store.aliases("x") == dict.fromkeys(["a", "b", "c", "shared"], 1)
    assert leftovers(tmp_path) == []


def leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / "x").iterdir() if path.name.startswith(".") and path.name != ".lock"]


@pytest.mark.parametrize("moment", [1, 2, 3])  # the model is written, then the manifest, then the folder of both
def test_a_writer_killed_before_the_rename_leaves_nothing_visible(store, tmp_path, moment):
    add(store, b"one")
    assert finished(process(tmp_path, "crash-add", moment)) == (-signal.SIGKILL, "")
    assert len(leftovers(tmp_path)) == 1
    assert store.versions("x") == [1]
    assert store.names() == ["x"]
    assert add(store, b"two").version == 2
    assert is_whole(store, "x", 2)


def test_a_writer_killed_after_the_rename_leaves_a_whole_version(store, tmp_path):
    assert finished(process(tmp_path, "crash-add", 4)) == (-signal.SIGKILL, "")
    assert store.versions("x") == [1]
    assert is_whole(store, "x", 1)
    assert leftovers(tmp_path) == []


def test_a_first_writer_killed_leaves_no_name(store, tmp_path):
    assert finished(process(tmp_path, "crash-add", 1)) == (-signal.SIGKILL, "")
    assert store.names() == []
    with pytest.raises(ModelNotFoundError, match="it holds none"):
        resolve(store, Reference(name="x"))


@pytest.mark.parametrize(("moment", "points_to"), [(1, 1), (2, 2)])
def test_a_mover_killed_leaves_the_old_alias_or_the_new_and_no_lock(store, tmp_path, moment, points_to):
    add(store, b"one")
    add(store, b"two")
    store.set_alias("x", "champion", 1)
    assert finished(process(tmp_path, "crash-alias", moment)) == (-signal.SIGKILL, "")
    assert store.aliases("x") == {"champion": points_to}
    store.set_alias("x", "challenger", 1)
    assert store.aliases("x") == {"champion": points_to, "challenger": 1}


def test_writers_killed_at_any_time_leave_whole_versions_only(store, tmp_path):
    for last in (2, 5, 9):
        writer = process(tmp_path, "add", "a", 1000)
        while len(store.versions("x")) < last:
            assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)
        assert finished(writer)[0] == -signal.SIGKILL
        versions = store.versions("x")
        assert versions == list(range(1, len(versions) + 1))
        assert all(is_whole(store, "x", version) for version in versions)


def test_what_stands_about_in_a_folder_is_no_version(store, tmp_path):
    add(store, b"one")
    for name in (".adding-1", "01", "1.5", "-2", "٣", "latest", "9" * 30, "0"):
        (tmp_path / "x" / name).mkdir()
    (tmp_path / "x" / "7").write_text("a file")
    (tmp_path / "README.md").write_text("a file")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "1").mkdir()
    assert store.versions("x") == [1]
    assert store.names() == ["x"]
    assert add(store, b"two").version == 2


def test_a_number_that_is_taken_by_a_file_is_given_up_in_words(store, tmp_path):
    add(store, b"one")
    (tmp_path / "x" / "2").write_text("a file")
    with pytest.raises(StoreBusyError) as caught:
        add(store, b"two")
    assert str(caught.value) == (f"{tmp_path / 'x'}: other writers took the next version number 100 times; try again")
    assert leftovers(tmp_path) == []


def test_a_store_that_is_not_there(tmp_path):
    missing = LocalStore(tmp_path / "missing")
    expected = f"no model store at {tmp_path / 'missing'}: the folder does not exist (`weir convert` makes it)"
    with pytest.raises(StoreError) as caught:
        missing.names()
    assert str(caught.value) == expected
    with pytest.raises(StoreError) as caught:
        resolve(missing, Reference(name="x"))
    assert str(caught.value) == expected
    assert add(missing, b"one").version == 1  # the first model makes it


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("a file")
    store = LocalStore(tmp_path / "file")
    with pytest.raises(StoreError) as caught:
        add(store, b"one")
    assert str(caught.value) == f"cannot write to {tmp_path / 'file' / 'x'}: Not a directory"
    assert store.versions("x") == []


def test_a_folder_that_cannot_be_read(tmp_path):
    folder = tmp_path / ("long" * 100)
    with pytest.raises(StoreError) as caught:
        LocalStore(folder).versions("x")
    assert str(caught.value) == f"cannot read {folder / 'x'}: File name too long"


def test_an_alias_that_cannot_be_written(store, tmp_path):
    add(store, b"one")
    (tmp_path / "x" / "aliases.json").mkdir()
    with pytest.raises(StoreError) as caught:
        store.set_alias("x", "champion", 1)
    assert str(caught.value) == f"cannot write to {tmp_path / 'x'}: Is a directory"
    assert leftovers(tmp_path) == []


def test_missing_files_are_named(store, tmp_path):
    add(store, b"one")
    for file, read in (("model.onnx", store.model), ("manifest.json", store.manifest)):
        (tmp_path / "x" / "1" / file).unlink()
        with pytest.raises(ModelNotFoundError) as caught:
            read("x", 1)
        assert str(caught.value) == f"{tmp_path / 'x' / '1' / file} does not exist"


def test_files_that_cannot_be_read_are_named(store, tmp_path):
    add(store, b"one")
    path = tmp_path / "x" / "1" / "model.onnx"
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError) as caught:
        store.model("x", 1)
    assert str(caught.value) == f"cannot read {path}: Is a directory"


def test_a_manifest_that_is_none(store, tmp_path):
    add(store, b"one")
    path = tmp_path / "x" / "1" / "manifest.json"
    path.write_text("{")
    with pytest.raises(ManifestError) as caught:
        store.manifest("x", 1)
    assert str(caught.value).startswith(f"{path}: Invalid JSON")


@pytest.mark.parametrize(("name", "version"), [("y", 1), ("x", 2)])
def test_a_manifest_of_another_version(store, tmp_path, name, version):
    add(store, b"one")
    path = tmp_path / "x" / "1" / "manifest.json"
    path.write_text(described(b"one", name, version=version).model_dump_json())
    with pytest.raises(ModelRefusedError) as caught:
        store.manifest("x", 1)
    assert str(caught.value) == f"{path} is the manifest of {name}:{version}"


def test_a_model_that_is_too_large_is_not_read(store, tmp_path):
    add(store, b"one")
    path = tmp_path / "x" / "1" / "model.onnx"
    with path.open("wb") as file:
        file.truncate(1_073_741_825)  # sparse: takes no room
    with pytest.raises(ModelRefusedError) as caught:
        store.model("x", 1)
    assert str(caught.value) == f"{path} has 1073741825 bytes; at most 1073741824 are accepted"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("\udcff", "is not JSON"),
        ("[]", "must map aliases to version numbers"),
        ('{"champion": "1"}', "must map aliases to version numbers"),
        ('{"champion": null}', "must map aliases to version numbers"),
    ],
    ids=["broken", "deep", "not UTF-8", "a list", "a string", "null"],
)
def test_aliases_that_are_none(store, tmp_path, text, message):
    add(store, b"one")
    path = tmp_path / "x" / "aliases.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(StoreError) as caught:
        store.aliases("x")
    assert str(caught.value) == f"{path} {message}"


def test_the_files_are_for_people_too(store, tmp_path):
    add(store, b"one")
    store.set_alias("x", "champion", 1)
    assert (tmp_path / "x" / "aliases.json").read_text() == '{\n  "champion": 1\n}\n'
    assert json.loads((tmp_path / "x" / "1" / "manifest.json").read_text())["version"] == 1
    assert sorted(path.name for path in (tmp_path / "x" / "1").iterdir()) == ["manifest.json", "model.onnx"]


def test_it_names_its_folder(store, tmp_path):
    assert str(store) == f"the store {tmp_path}"
