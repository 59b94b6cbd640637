"""Output in blob storage, on Azurite: what is there at once, who is alone with it, and what several write."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient, BlobLeaseClient

from scoring.errors import ConfigurationError, SinkError
from stream_worker.replay.files import Files, StorageOptions
from stream_worker.replay.journal import Entry, Journal
from stream_worker.replay.output import LOCK, PLAN
from stream_worker.replay.run import run
from stream_worker.replay.tally import Tally
from stream_worker.replay.targets import BlobTarget, FileTarget, target_at
from tests.replay.reading import archive, payment, read
from tests.replay.staging import Stage
from tests.replay.test_output import AS_FILE, AS_FOLDER, FINISHED_OUTPUT, work_on


class InBlobs:
    """A container, and what is in it."""

    def __init__(self, azurite):
        self.storage = StorageOptions.model_validate({"connection_string": azurite.connection_string})
        self.name = azurite.create_container()
        self.url = f"abfs://{self.name}"
        self._held = ExitStack()

    def target(self, place):
        target = target_at(f"{self.url}/{place}", self.storage)
        self._held.callback(target.close)
        return target

    def content(self):
        found = {}
        with Files(self.storage) as files:
            for _, file in files.find(f"{self.url}/", lambda *_: None):
                with files.open(file) as source:
                    found[file.path.removeprefix(f"{self.url}/")] = source.read()
        return found

    def close(self):
        self._held.close()


@pytest.fixture
def blobs(azurite):
    found = InBlobs(azurite)
    yield found
    found.close()


def test_a_blob_folder_is_finished_by_its_mark(blobs):
    target = blobs.target("back/fill")
    assert isinstance(target, BlobTarget)
    target.check()
    work_on(target)
    blobs.target("back/fill").check()
    assert not target.is_there()
    target.appear(FINISHED_OUTPUT)
    assert target.is_there()
    expected = {f"back/fill/{path.removeprefix('out/')}": text for path, text in AS_FOLDER.items()}
    assert blobs.content() == expected | {"back/fill/_SUCCESS": b""}
    target.clear()
    assert blobs.content() == {}


def test_a_blob_folder_that_is_not_ours(blobs):
    blobs.target("other.jsonl").work.put("mine", b"")
    with pytest.raises(ConfigurationError, match="holds blobs that are not a replay's output"):
        blobs.target("other.jsonl.partial").check()


def test_a_blob_joined_of_parts(blobs):
    target = blobs.target("back/fill.jsonl")
    assert isinstance(target, FileTarget)
    work_on(target)
    target.appear(FINISHED_OUTPUT)
    assert blobs.content() == {f"back/fill{path.removeprefix('out')}": text for path, text in AS_FILE.items()}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # adlfs gives a block as it is to aiohttp
def test_an_upload_that_fails_leaves_the_former_blob(blobs):
    folder = blobs.target("x").output
    folder.put("name", b"old")
    with pytest.raises(ZeroDivisionError), folder.create("name") as file:
        file.write(b"n" * 9_000_000)
        raise ZeroDivisionError
    assert folder.get("name") == b"old"
    with folder.create("name") as file:
        file.write(b"n" * 9_000_000)
    assert folder.size("name") == 9_000_000
    with folder.open("name") as source:
        assert source.read(3) == b"nnn"


def test_a_container_that_is_not_there(azurite):
    storage = StorageOptions.model_validate({"connection_string": azurite.connection_string})
    folder = target_at("abfs://nowhere/out", storage).output
    with pytest.raises(SinkError, match=r"cannot write abfs://nowhere/out/name: "):
        folder.put("name", b"")
    folder.close()


def test_somebody_elses_folder_with_a_mark_is_not_ours(blobs):
    output = blobs.target("theirs").output
    output.put("_SUCCESS", b"")
    output.put("predictions/part-00000.parquet", b"theirs")
    target = blobs.target("theirs")
    assert not target.is_there()
    with pytest.raises(ConfigurationError, match="holds blobs that are not a replay's output"):
        target.check()


@pytest.mark.parametrize("place", ["out", "out.jsonl"])
def test_two_replays_of_one_output(blobs, place):
    one, other = blobs.target(place), blobs.target(place)
    with one.locked():
        one.work.put(PLAN, b"plan")
        words = "another replay is at work on it, or was killed less than a minute ago"
        with pytest.raises(ConfigurationError, match=words), other.locked():
            pass
        one.clear()
        one.abandon()
        with pytest.raises(ConfigurationError, match=words), other.locked():
            pass
    assert blobs.content() == {}
    with other.locked():
        assert list(blobs.content()) == [f"{other.work}/{LOCK}".removeprefix(f"{blobs.url}/")]
    assert blobs.content() == {}


def test_a_lease_is_renewed(blobs, monkeypatch):
    monkeypatch.setattr("stream_worker.replay.blobs._LEASE_S", 15)
    monkeypatch.setattr("stream_worker.replay.blobs._RENEWED_EACH_S", 2.0)
    one, other = blobs.target("out"), blobs.target("out")
    with one.locked():
        threading.Event().wait(20)
        with pytest.raises(ConfigurationError, match="another replay is at work on it"), other.locked():
            pass
        one.work.put(PLAN, b"plan")


def test_the_lease_of_a_killed_replay_ends(blobs, monkeypatch):
    monkeypatch.setattr("stream_worker.replay.blobs._LEASE_S", 15)
    killed, other = blobs.target("out"), blobs.target("out")
    held = killed.locked()
    held.__enter__()
    killed.work._lease._ended.set()  # nobody renews it
    deadline = time.monotonic() + 40
    while True:
        try:
            with other.locked(), pytest.raises(SinkError, match=r"write .*plan\.json: another replay has taken over"):
                killed.work.put(PLAN, b"plan")
            break
        except ConfigurationError:
            assert time.monotonic() < deadline
            threading.Event().wait(0.5)
    held.__exit__(None, None, None)


def test_who_loses_a_lease_writes_nothing_more(blobs, azurite, monkeypatch):
    monkeypatch.setattr("stream_worker.replay.blobs._RENEWED_EACH_S", 0.2)
    one, other = blobs.target("out"), blobs.target("out")
    with one.locked():
        name = f"out/_replay/{LOCK}"
        with BlobClient.from_connection_string(azurite.connection_string, blobs.name, name) as client:
            BlobLeaseClient(client).break_lease(0)
        with other.locked():
            other.work.put(PLAN, b"other's")
            deadline = time.monotonic() + 20
            while not one.work._lease.is_lost:
                assert time.monotonic() < deadline
                threading.Event().wait(0.1)
            for write in (lambda: one.work.put(PLAN, b"mine"), one.clear, lambda: one.appear(FINISHED_OUTPUT)):
                with pytest.raises(SinkError, match="another replay has taken over"):
                    write()
            assert other.work.get(PLAN) == b"other's"


def test_what_several_append_is_all_there(blobs):
    folders = [blobs.target("out").work for _ in range(3)]
    journals = [Journal(folder, "g") for folder in folders]

    def write(journal):
        for number in range(8):
            journal.append(Entry(cursor={"line": number}, tally=Tally(records=1), number=number, is_last=number == 7))

    threads = [threading.Thread(target=write, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders[0].get("journal/g.jsonl").count(b"\n") == 24
    standing = journals[0].standing()
    assert (standing.tally.records, standing.is_last) == (8, True)


def test_one_whose_first_part_has_no_line_leaves_nothing(azurite, blobs, tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    groups = archive(tmp_path / "archive", [payment(number) for number in range(40)])
    url = f"{blobs.url}/out"

    def full(*_):
        raise SinkError("cannot write the journal")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", full)
        with pytest.raises(SinkError, match="cannot write the journal"):
            run(stage.order(groups, to=url, storage=blobs.storage))
    assert blobs.content() == {}
    assert run(stage.order(groups, to=url, storage=blobs.storage)).predictions == 40


def test_a_second_run_of_the_same_command_is_refused(blobs, tmp_path):
    stage = Stage(tmp_path)
    groups = archive(tmp_path / "archive", [payment(number) for number in range(40)])
    under_way, over = threading.Event(), threading.Event()

    def slow(group, **more):
        for portion in read(group, **more):
            under_way.set()
            assert over.wait(30)
            yield portion

    def order(reader=read):
        return stage.order(groups, to=f"{blobs.url}/out", storage=blobs.storage, reader=reader)

    first = threading.Thread(target=run, args=(order(slow),))
    first.start()
    assert under_way.wait(30)
    with pytest.raises(ConfigurationError, match="another replay is at work on it"):
        run(order())
    over.set()
    first.join()
    expected = Path(tmp_path / "whole")
    run(stage.order(groups, to="whole"))
    found = blobs.content()
    assert {name.removeprefix("out/") for name in found} == {
        *(str(path.relative_to(expected)) for path in expected.rglob("*") if path.is_file()),
        "_SUCCESS",
    }
