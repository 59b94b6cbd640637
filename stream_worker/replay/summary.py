"""What a replay came to, as the file `summary.json`: nothing in it depends on when or how it was run."""

from collections.abc import Sequence
from typing import Any

import msgspec

from scoring import Manifest
from stream_worker.replay.answers import spread_of
from stream_worker.replay.histogram import Bar
from stream_worker.replay.names import natural
from stream_worker.replay.records import Group
from stream_worker.replay.tally import Tally

__all__ = ["Summary", "summary_of"]


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: how many groups and files, and the bytes that those have."""

    groups: int
    files: int
    bytes: int


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in words: which file, from which byte or row on, and what was wrong."""

    file: str
    offset: int
    words: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay came to.

    Attributes:
        model: name, version and digest.
        archive: what was read.
        records: that were read and asked for; each is a prediction or a dead letter.
        predictions: how many.
        labels: how many predictions have each label.
        dead_letters: how many records have none, by error code.
        duplicates: records passed over, because they had come already.
        not_asked_for: records passed over, because of their time or sequence number.
        problems: how many things could not be read.
        first_problems: the first thousand of them.
        scores: how they are spread.
        ends: the sequence number or offset of each partition's last event, by `stream/partition`; none where the
            archive does not keep it.
    """

    model: dict[str, Any]
    archive: Archive
    records: int
    predictions: int
    labels: dict[str, int]
    dead_letters: dict[str, int]
    duplicates: int
    not_asked_for: int
    problems: int
    first_problems: list[Described]
    scores: list[dict[str, Any]]
    ends: dict[str, int] = {}

    @property
    def bars(self) -> list[Bar]:
        """The scores' histogram."""
        return [Bar(bar["from"], bar["to"], bar["count"]) for bar in self.scores]

    def to_json(self) -> bytes:
        """Return the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def summary_of(manifest: Manifest, groups: Sequence[Group], tally: Tally) -> Summary:
    """Return what a replay of these groups came to."""
    files = {file.path: file.size for group in groups for file in group.files}
    return Summary(
        model={"name": manifest.name, "version": manifest.version, "digest": manifest.digest},
        archive=Archive(groups=len(groups), files=len(files), bytes=sum(files.values())),
        records=tally.records,
        predictions=tally.predictions,
        labels=tally.labels,
        dead_letters=tally.dead_letters,
        duplicates=tally.duplicates,
        not_asked_for=tally.outside,
        problems=tally.problems,
        first_problems=[Described(file=each.path, offset=each.offset, words=each.words) for each in tally.shown],
        scores=[
            {"from": low, "to": high, "count": count} for low, high, count in spread_of(manifest).bars(tally.scores)
        ],
        ends={key: tally.ends[key] for key in sorted(tally.ends, key=natural)},
    )
