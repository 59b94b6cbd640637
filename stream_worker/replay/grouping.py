"""Puts the files of an archive into groups, each with one order of its own."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from scoring.errors import ConfigurationError
from stream_worker.replay.files import FAILURES, Files, in_words
from stream_worker.replay.footers import FooterError, read_footer
from stream_worker.replay.jsonl import is_compressed
from stream_worker.replay.listing import Listed, without_extension
from stream_worker.replay.names import Names, natural
from stream_worker.replay.patterns import Pattern
from stream_worker.replay.records import File, Group, Problem

__all__ = ["RANGE_BYTES", "Grouping"]

RANGE_BYTES = 33_554_432
_FOOTER_BYTES = 262_144
_DAMAGES: tuple[type[Exception], ...] = (*FAILURES, FooterError)


class _Hub(NamedTuple):
    """What sequence numbers count in, as far as the paths say it."""

    namespace: str | None
    name: str | None

    def __str__(self) -> str:
        return "/".join(filter(None, self))


_Placed = tuple[tuple[int, ...], Listed]


class Grouping:
    """Makes groups of files.

    Attributes:
        problems: what is in no group.
    """

    def __init__(self, pattern: Pattern, stream: str | None, range_bytes: int) -> None:
        self.problems: list[Problem] = []
        self._pattern = pattern
        self._stream = stream
        self._range_bytes = range_bytes
        self._captures: list[Listed] = []
        self._lines: list[Listed] = []
        self._tables: list[Listed] = []

    def add(self, item: Listed | Problem) -> None:
        """Take a file of the archive, or what cannot be one."""
        if isinstance(item, Problem):
            self.problems.append(item)
        else:
            {"capture": self._captures, "jsonl": self._lines, "parquet": self._tables}[item.kind].append(item)

    def groups(self, files: Files) -> Sequence[Group]:
        """Return the groups in their order.

        Raises:
            ConfigurationError: nothing says which hub Capture files are of, or several would be taken for one.
        """
        drafts = [*self._of_captures(), *self._of_lines(), *self._of_tables(files)]
        drafts.sort(key=lambda draft: (natural(draft.files[0].path), draft.start))
        names = Names()
        return [_numbered(draft, number, names) for number, draft in enumerate(drafts)]

    def _of_captures(self) -> Iterator[Group]:
        if self._captures and self._stream is None and not self._pattern.names_hub:
            raise ConfigurationError(
                f"pattern {self._pattern.text!r} has no {{EventHub}}: say which stream the events are of"
            )
        partitions = self._partitions()
        streams = self._streams({hub for hub, _ in partitions})
        for (hub, partition), placed_items in partitions.items():
            placed_items.sort(key=lambda each: (each[0], natural(each[1].file.path)))
            yield Group(
                number=0,
                name=f"{streams[hub]}-{partition}",
                kind="capture",
                files=tuple(item.file for _, item in placed_items),
                stream=streams[hub],
                partition=partition,
            )

    def _partitions(self) -> Mapping[tuple[_Hub, int], list[_Placed]]:
        """Return the files of each partition, with the times in their paths."""
        partitions: dict[tuple[_Hub, int], list[_Placed]] = {}
        for item in self._captures:
            placed = self._pattern.match(without_extension(item.file.path))
            if placed is not None:
                key = _Hub(placed.namespace, placed.hub), placed.partition
                partitions.setdefault(key, []).append((placed.time, item))
            elif item.direct and len(self._captures) == 1:
                partitions[_Hub(None, _stem(item)), 0] = [((), item)]
            else:
                words = f"the path does not say the partition: expected {self._pattern.text}"
                self.problems.append(Problem(path=item.file.path, offset=0, words=words))
        if not self._pattern.names_partition and any(len(found) > 1 for found in partitions.values()):
            raise ConfigurationError(
                f"pattern {self._pattern.text!r} has no {{PartitionId}}, and there is more than one file: events of "
                "several partitions would be taken for each other; say where the path has it, or name one file"
            )
        return partitions

    def _streams(self, hubs: Collection[_Hub]) -> Mapping[_Hub, str]:
        """Return the stream of each hub; its name, but where several namespaces have one of that name."""
        if self._stream is not None:
            if len(hubs) > 1:
                raise ConfigurationError(
                    f"--stream {self._stream}: the archive is of {' and '.join(sorted(map(str, hubs))[:3])}, and the "
                    "events of one would be taken for the other's; name the files of one of them, or leave it out"
                )
            return dict.fromkeys(hubs, self._stream)
        alike = Counter(hub.name for hub in hubs)
        return {hub: str(hub) if alike[hub.name] > 1 else hub.name or "" for hub in hubs}

    def _of_lines(self) -> Iterator[Group]:
        for item in self._lines:
            size = item.file.size
            if is_compressed(item.file.path) or size <= self._range_bytes:
                yield self._part(item, "", 0, None)
                continue
            starts = range(0, size, self._range_bytes)
            for index, start in enumerate(starts):
                label = _label(index, len(starts))
                yield self._part(item, label, start, min(start + self._range_bytes, size))

    def _of_tables(self, files: Files) -> Iterator[Group]:
        found = files.each(lambda file: self._runs(file, files), [item.file for item in self._tables])
        for item, below, runs in zip(self._tables, _places(self._tables), found, strict=True):
            if isinstance(runs, Problem):
                self.problems.append(runs)
                continue
            place = f"{self._stream}/{below}" if self._stream else below
            for index, (start, stop) in enumerate(runs):
                yield self._part(item, _label(index, len(runs)), start, stop, place)

    def _runs(self, file: File, files: Files) -> Sequence[tuple[int, int]] | Problem:
        """Return runs of row groups that have about as many bytes as a range."""
        try:
            with files.open(file, buffer=_FOOTER_BYTES) as source:
                sizes = [row_group.size for row_group in read_footer(source)]
        except _DAMAGES as error:
            return Problem(path=file.path, offset=0, words=f"cannot be read: {in_words(error)}")
        runs: list[tuple[int, int]] = []
        start = held = 0
        for index, size in enumerate(sizes):
            held += size
            if held >= self._range_bytes or index == len(sizes) - 1:
                runs.append((start, index + 1))
                start, held = index + 1, 0
        return runs

    def _part(self, item: Listed, label: str, start: int, stop: int | None, place: str = "") -> Group:
        return Group(
            number=0,
            name=without_extension(item.below) + label,
            kind=item.kind,
            files=(item.file,),
            stream=self._stream or place or _stem(item),
            partition=0,
            start=start,
            stop=stop,
            place=place,
        )


def _numbered(draft: Group, number: int, names: Names) -> Group:
    fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
    return Group(**fields | {"number": number, "name": names.give(draft.name)})


def _label(index: int, count: int) -> str:
    return "" if count == 1 else f"-{index:0{max(4, len(str(count - 1)))}d}"


def _places(items: Sequence[Listed]) -> Sequence[str]:
    """Return for each file what no other has: its path below the one that named it; all of it where that is not so."""
    short = [without_extension(item.below) for item in items]
    alike = Counter(short)
    return [item.file.path if alike[each] > 1 else each for item, each in zip(items, short, strict=True)]


def _stem(item: Listed) -> str:
    return without_extension(item.file.path.rpartition("/")[2])
