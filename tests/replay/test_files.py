"""Local files: what a path means, what is passed over, and words for what goes wrong."""

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from stream_worker.replay.files import Files, StorageOptions, in_words
from stream_worker.replay.records import File


@pytest.fixture
def tree(tmp_path):
    for name in ("a.txt", "sub/b.txt", "sub/deep/c.txt", "_tmp/d.txt", ".git/e.txt", "sub/.f.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12")
    return tmp_path


def find(path, told=None):
    with Files(StorageOptions()) as files:
        return [
            (below, file.path)
            for below, file in files.find(str(path), lambda where, error: told.append((where, in_words(error))))
        ]


def test_a_folder_means_all_files_below_it_but_not_below_hidden_folders(tree):
    assert find(tree) == [
        ("a.txt", f"{tree}/a.txt"),
        ("sub/.f.txt", f"{tree}/sub/.f.txt"),
        ("sub/b.txt", f"{tree}/sub/b.txt"),
        ("sub/deep/c.txt", f"{tree}/sub/deep/c.txt"),
    ]


def test_folders_behind_links_are_read_once_however_they_lead_back(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "more").mkdir()
    (elsewhere / "more" / "g.txt").write_bytes(b"12")
    for link, to in {
        "sub/0-self": tree, "sub/again": tree / "sub" / "deep", "a-link": elsewhere, "z-link": elsewhere,
        "_hidden": elsewhere, "gone": tree / "nowhere",
    }.items():  # fmt: skip
        (tree / link).symlink_to(to)
    (elsewhere / "back").symlink_to(tree)
    (elsewhere / "more" / "up").symlink_to(elsewhere)
    told = []
    assert find(tree, told) == [
        ("a.txt", f"{tree}/a.txt"),
        ("sub/.f.txt", f"{tree}/sub/.f.txt"),
        ("sub/b.txt", f"{tree}/sub/b.txt"),
        ("sub/deep/c.txt", f"{tree}/sub/deep/c.txt"),
        ("a-link/more/g.txt", f"{tree}/a-link/more/g.txt"),
    ]
    assert told == [(f"{tree}/gone", "there is no such file")]


def test_a_pattern_means_the_files_that_match(tree):
    assert find(f"{tree}/sub/*.txt") == [("b.txt", f"{tree}/sub/b.txt")]
    assert find(f"{tree}/s*/**/*.txt") == [
        ("sub/b.txt", f"{tree}/sub/b.txt"),
        ("sub/deep/c.txt", f"{tree}/sub/deep/c.txt"),
    ]


def test_a_path_stays_as_it_was_written(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert find("sub/b.txt") == [("b.txt", "sub/b.txt")]
    assert find("./sub") == [
        (".f.txt", "./sub/.f.txt"), ("b.txt", "./sub/b.txt"), ("deep/c.txt", "./sub/deep/c.txt")
    ]  # fmt: skip
    assert find(f"file://{tree}/a.txt") == [("a.txt", f"{tree}/a.txt")]


def test_a_name_with_brackets_is_taken_as_it_is_where_there_is_such_a_file(tmp_path):
    (tmp_path / "x[1].txt").write_bytes(b"1")
    assert find(tmp_path / "x[1].txt") == [("x[1].txt", f"{tmp_path}/x[1].txt")]


def test_what_is_no_file_is_told_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    told = []
    assert find(tmp_path, told) == []
    assert find(tmp_path / "absent.*", told) == []
    assert find(tmp_path / "absent", told) == []
    assert told == [
        (f"{tmp_path}/link", "there is no such file"),
        (f"{tmp_path}/pipe", "not a file"),
        (f"{tmp_path}/absent.*", "there is no such file"),
        (f"{tmp_path}/absent", "there is no such file"),
    ]


def test_a_file_is_known_by_its_size_and_its_time(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"123")
    os.utime(path, ns=(7, 8))
    with Files(StorageOptions()) as files:
        file = files.look(str(path))
        assert file == File(path=str(path), size=3, version="8")
        assert files.changed(file) is None
        os.utime(path, ns=(7, 9))
        assert files.changed(file) == "changed while it was read: it was written again"
        path.write_bytes(b"1")
        assert files.changed(file) == "changed while it was read: it had 3 bytes when it was listed, and has 1 now"
        path.unlink()
        assert files.changed(file) == "vanished while it was read: there is no such file"


def test_what_may_not_be_read_is_told_in_words(tmp_path):
    """A process of another user, as whom root may try what others may not."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a.jsonl").write_bytes(b"{}\n")
    secret = tmp_path / "secret.jsonl"
    secret.write_bytes(b"{}\n")
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    secret.chmod(0)
    closed.chmod(0)
    above = [tmp_path, tmp_path.parent, tmp_path.parent.parent]  # pytest's own, which only root may enter
    modes = [folder.stat().st_mode for folder in above]
    for folder in above:
        folder.chmod(0o755)
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.seteuid(65534)
        told = []
        found = find(tmp_path, told)
        os.write(write_end, repr((found, told, _open(secret))).encode())
        os._exit(0)
    os.waitpid(child, 0)
    for folder, mode in zip(above, modes, strict=True):
        folder.chmod(mode)
    text = os.read(read_end, 100_000).decode()
    for end in (read_end, write_end):
        os.close(end)
    assert f"('{closed}', 'permission denied')" in text
    assert text.endswith("'permission denied')")


def _open(path: Path) -> str:
    with Files(StorageOptions()) as files:
        try:
            files.open(File(path=str(path), size=3, version="")).close()
        except OSError as error:
            return in_words(error)
    return "it was opened"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory"), "there is no such file"),
        (PermissionError(13, "Permission denied"), "permission denied"),
        (OSError("The key is wrong.\nRequestId: 7"), "The key is wrong"),
        (OSError(), "OSError"),
    ],
)
def test_errors_have_words(error, words):
    assert in_words(error) == words


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"account_url": "contoso"}, "expected an address such as https://contoso.blob.core.windows.net"),
        ({"account_url": "https://a.b", "connection_string": "x"}, "expected account_url, to sign in with an identity"),
    ],
)
def test_the_storage_account_is_named_in_one_way(fields, message):
    with pytest.raises(ValidationError) as caught:
        StorageOptions(**fields)
    assert message in str(caught.value)


def test_the_key_is_not_shown():
    assert "SECRET" not in repr(StorageOptions(connection_string="AccountKey=SECRET"))


def test_local_files_are_read_without_azures_clients(tmp_path):
    import subprocess

    program = (
        "import sys; from stream_worker.replay.archive import plan; "
        f"plan([{str(tmp_path)!r}]); "
        "sys.exit(any(name.split('.')[0] in ('adlfs', 'azure', 'pandas', 'sklearn') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
