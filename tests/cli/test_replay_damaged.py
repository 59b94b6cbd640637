"""`weir replay` of a folder in which much is wrong: each file is named with the place, counted, and the rest scored."""

import gzip
import json
import re
import zlib
from pathlib import Path

import pytest
import yaml

from scoring import Event, Position
from stream_worker.replay import jsonl
from tests.cli.configured import configuration
from tests.replay.archives import avro_bytes, write_capture, write_jsonl, write_parquet
from tests.replay.commanded import in_process
from tests.replay.reading import payment

FEW, HUB = 40, "payments"
BOMB_BYTES = 280_000_000  # more than a block may hold


def some(name: str, start: int = 0, count: int = FEW) -> list[Event]:
    """Payments whose ids begin with the name of their file."""
    return [
        Event(payment(number, id=f"{name}-{number}"), position=Position(HUB, 0, number))
        for number in range(start, start + count)
    ]


class Damaged:
    """A folder with good files and bad ones.

    Attributes:
        expected: for each bad file, from where on it is bad, and what is said.
        ids: of all events that can be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.expected: dict[str, tuple[int, str]] = {}
        self.ids: list[str] = []
        folder.mkdir()
        self.good()
        self.captures()
        self.lines()
        self.tables()
        self.unreadable()

    def bad(self, name: str, offset: int, words: str, content: bytes | None = None, *, kept: int = 0) -> None:
        """Keep in mind what is wrong, and how many events stand before it."""
        if content is not None:
            (self.folder / name).write_bytes(content)
        self.expected[name] = (offset, words)
        self.ids += [f"{name}-{number}" for number in range(kept)]

    def good(self) -> None:
        write_capture(self.folder, some("good.avro"), per_file=15)
        write_jsonl(self.folder / "good.jsonl", some("good.jsonl"))
        write_jsonl(self.folder / "good.jsonl.gz", some("good.jsonl.gz"))
        write_parquet(self.folder / "good.parquet", some("good.parquet"))
        for name in ("good.avro", "good.jsonl", "good.jsonl.gz", "good.parquet"):
            self.ids += [f"{name}-{number}" for number in range(FEW)]

    def captures(self) -> None:
        """Each is a partition of its own, for partitions know each other's numbers."""
        made = {number: capture_name(number) for number in range(1, 7)}
        for name in made.values():
            (self.folder / name).parent.mkdir(parents=True)
        whole = avro_bytes(some(made[1]), block_bytes=1)
        *_, last, end = ends_of_blocks(whole)
        self.bad(made[1], last, "the file ends inside a block: ", whole[: end - 36], kept=FEW - 1)
        whole = avro_bytes(some(made[2]), block_bytes=1, codec="deflate")
        _, first, second, *_ = ends_of_blocks(whole)
        junk = whole[: first + 8] + bytes(second - first - 40) + whole[second - 32 :]
        self.bad(made[2], first, "a block with more than its compressed data", junk)
        self.ids += [f"{made[2]}-{number}" for number in range(FEW) if number != 1]
        self.bad(made[3], 0, "not an Avro file", b"\x89PNG\r\n\x1a\n" + bytes(100))
        self.bad(made[4], 0, "the file is empty: it has 0 bytes", b"")
        bomb = Event(bytes(BOMB_BYTES), position=Position(HUB, 5, 1))
        packed = avro_bytes([*some(made[5], 0, 1), bomb, *some(made[5], 2, 1)], codec="deflate", block_bytes=1)
        self.bad(
            made[5], ends_of_blocks(packed)[1], "a block that grows beyond 268435456 bytes when decompressed", packed
        )
        self.ids += [f"{made[5]}-{number}" for number in (0, 2)]
        whole = avro_bytes(some(made[6])).replace(b'"Body"', b'"Soul"')
        self.bad(made[6], 0, "not a Capture file: its records have no field Body", whole)

    def lines(self) -> None:
        text = b"".join((event.value or b"") + b"\n" for event in some("cut.jsonl.gz"))
        self.bad("cut.jsonl.gz", len(text), "cannot be read from here on: Compressed file ended", b"", kept=FEW)
        (self.folder / "cut.jsonl.gz").write_bytes(gzip.compress(text)[:-6])
        self.bad("foreign.jsonl.gz", 0, "cannot be read from here on: Not a gzipped file", b"PK\x03\x04" + bytes(50))
        self.bad("empty.jsonl", 0, "the file is empty: it has 0 bytes", b"")
        packer = zlib.compressobj(9, wbits=31)
        zeros = bytes(1_000_000)
        bomb = b"".join(packer.compress(zeros) for _ in range(BOMB_BYTES // len(zeros))) + packer.flush()
        self.bad("bomb.jsonl.gz", 0, "cannot be read from here on: it grows to more than 250 times its size", bomb)
        write_jsonl(self.folder / "growing.jsonl", some("growing.jsonl"))
        size = (self.folder / "growing.jsonl").stat().st_size
        self.bad("growing.jsonl", size, f"changed while it was read: it had {size} bytes when it was listed", kept=FEW)

    def tables(self) -> None:
        path = write_parquet(self.folder / "cut.parquet", some("x"))
        self.bad("cut.parquet", 0, "cannot be read: not a whole Parquet file", path.read_bytes()[:-30])
        self.bad("foreign.parquet", 0, "cannot be read: not a whole Parquet file", b"<!doctype html>" * 10)
        self.bad("empty.parquet", 0, "the file is empty: it has 0 bytes", b"")

    def unreadable(self) -> None:
        """Who runs the tests may be root, whom no permission keeps out: what a link points to is gone."""
        (self.folder / "gone.jsonl").symlink_to(self.folder / "nowhere")
        self.bad("gone.jsonl", 0, "there is no such file")


def ends_of_blocks(avro: bytes) -> list[int]:
    """The end of the header, and of each block."""
    return [at.end() for at in re.finditer(b"weir-sync-marker", avro)]


def capture_name(partition: int) -> str:
    return f"contoso/{HUB}/{partition}/2026/11/20/09/30/00.avro"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    settings = configuration(folder)
    (folder / "weir.yaml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture(scope="module")
def damaged(place) -> Damaged:
    return Damaged(place / "archive")


@pytest.fixture
def here(place, damaged, monkeypatch, capsys):
    """Run it, while somebody writes to a file that is being read."""
    growing = place / "archive" / "growing.jsonl"
    kept = growing.read_bytes()
    read = jsonl._Reader.read

    def grows(reader):
        if reader._raw.name == str(growing.relative_to(place)) and growing.stat().st_size == len(kept):
            growing.write_bytes(kept + b"{}\n")
        return read(reader)

    monkeypatch.setattr(jsonl._Reader, "read", grows)
    yield in_process(place, monkeypatch, capsys)
    growing.write_bytes(kept)


def test_each_is_named_and_the_rest_is_scored(place, damaged, here):
    done = here("archive", "--to", "out", "--format", "jsonl", "--error-threshold", str(len(damaged.expected) + 1))
    assert done.returncode == 0, done.stderr
    check_named(done.stdout, damaged)
    assert re.search(rf"│ problems +│ {len(damaged.expected) + 1} +│", done.stdout)  # the bomb makes a long line, too
    rows = [
        json.loads(row)
        for part in (place / "out" / "predictions").rglob("*.jsonl")
        for row in part.read_text().splitlines()
    ]
    assert sorted(row["event_id"] for row in rows) == sorted(damaged.ids)
    assert not (place / "out" / "dead_letters").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_one_more_than_is_allowed_stops_it(damaged, here, workers):
    allowed = len(damaged.expected) - 1  # of two processes, none sees the file that grows
    done = here("archive", "--to", f"strict-{workers}", "--error-threshold", allowed, "--workers", workers)
    assert (done.returncode, done.stdout) == (1, "")
    *problems, error = done.stderr.splitlines()
    assert re.match(rf"error: \d+ dead letters and problems among \d+ records are more than .* {allowed} allows", error)
    assert len(problems) > allowed
    if workers == 1:
        check_named(done.stderr, damaged, but_for="growing.jsonl")  # it was not come to


def check_named(text: str, damaged: Damaged, but_for: str = "") -> None:
    """See that each bad file is told with the place where it begins to be, and no other file is."""
    told = re.findall(r"^problem: archive/(\S+), from ([\d,]+) on: (.+)$", text, re.MULTILINE)
    expected = {name: wrong for name, wrong in damaged.expected.items() if name != but_for}
    assert {name for name, _, _ in told} == set(expected)
    for name, (offset, words) in expected.items():
        mine = [(int(at.replace(",", "")), why) for path, at, why in told if path == name]
        assert any(why.startswith(words) and (at == offset or name == "bomb.jsonl.gz") for at, why in mine), mine
