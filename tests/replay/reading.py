"""A small archive and its reader, for tests of what is done with portions: lines of JSON, a few to a portion."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from scoring import Event, Position
from stream_worker.replay.records import File, Group, Portion, Problem

FEW = 8
"""Records in a portion."""


def archive(folder: Path, *groups: Sequence[bytes], partition: int | None = None) -> list[Group]:
    """Write a file for each group, a line for each record, and return the groups."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, lines in enumerate(groups):
        path = folder / f"{number}.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        found = path.stat()
        file = File(path=str(path), size=found.st_size, version=str(found.st_mtime_ns))
        where = number if partition is None else partition
        made.append(
            Group(number=number, name=f"part={number}", kind="jsonl", files=(file,), stream="events", partition=where)
        )
    return made


def read(group: Group, *, cursor: Any, **_: Any) -> Generator[Portion]:
    """Yield a group's portions; a line `!words` is a problem, and a blank one a duplicate."""
    lines = Path(group.files[0].path).read_bytes().splitlines()
    start = 0 if cursor is None else cursor["line"]
    for first in range(start, len(lines), FEW):
        chosen = list(enumerate(lines[first : first + FEW], first))
        yield Portion(
            events=[
                Event(line, b"key-%d" % at, (), Position(group.stream, group.partition, at), 1000 * at)
                for at, line in chosen
                if line.strip() and not line.startswith(b"!")
            ],
            cursor={"line": first + len(chosen)},
            problems=[
                Problem(path=group.files[0].path, offset=at, words=line[1:].decode())
                for at, line in chosen
                if line.startswith(b"!")
            ],
            bytes_read=sum(len(line) + 1 for line in lines[: first + len(chosen)]),
            duplicates=sum(not line.strip() for _, line in chosen),
        )


def payment(number: int, **changes: Any) -> bytes:
    """A record that `payments` of tests/models/graphs.py scores."""
    country = ("de", "fr", "it")[number % 3]
    return msgspec.json.encode(
        {"id": f"p{number}", "amount": number / 8, "count": number % 5, "country": country} | changes
    )
