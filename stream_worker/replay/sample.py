"""A look at an archive before it is replayed: how much there is, how long it may take, and what goes wrong first."""

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import cast

from scoring import Pipeline, Rejected
from stream_worker.replay.answers import Answered, answer
from stream_worker.replay.group import ReadGroup
from stream_worker.replay.records import Group, Portion, Problem
from stream_worker.replay.rows import Rows
from stream_worker.replay.selection import Selection

__all__ = ["Estimate", "estimate"]

_GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a replay would come to, as far as a sample tells.

    Attributes:
        groups: how many there are.
        files: of all groups.
        bytes: of all files.
        looked_at: records in the sample.
        records: that there may be.
        seconds: that one process may take.
        output_bytes: that the output may have.
        dead_letters: of the sample, by error code.
        reasons: the first reason for each code.
        problems: of the plan and the sample.
    """

    groups: int
    files: int
    bytes: int
    looked_at: int
    records: int
    seconds: float
    output_bytes: int
    dead_letters: dict[str, int]
    reasons: dict[str, str]
    problems: Sequence[Problem]


def estimate(
    groups: Sequence[Group],
    problems: Sequence[Problem],
    *,
    read: ReadGroup,
    pipeline: Pipeline,
    selection: Selection,
    rows: Rows | None,
) -> Estimate:
    """Score the first portion of a few groups, and say what all of them may come to.

    Args:
        groups: of the archive.
        problems: of its plan.
        read: its reader.
        pipeline: what scores.
        selection: which records are asked for.
        rows: the form of the output, where it is rows in files.
    """
    files = {file.path: file.size for group in groups for file in group.files}
    size = sum(group.size for group in groups)
    list(_sample(groups[:1], read, pipeline, selection))  # the first time takes longer
    began = time.perf_counter()
    sample = list(_sample(groups, read, pipeline, selection))
    output_bytes = 0 if rows is None else _output_bytes(sample, rows)
    seconds = time.perf_counter() - began
    refused = [why for answered in sample for _, why in answered.refused]
    share = size / max(1, sum(answered.portion.bytes_read for answered in sample))
    looked_at = sum(len(answered.portion.events) for answered in sample)
    return Estimate(
        groups=len(groups),
        files=len(files),
        bytes=sum(files.values()),
        looked_at=looked_at,
        records=round(looked_at * max(1.0, share)),
        seconds=seconds * max(1.0, share),
        output_bytes=round(output_bytes * max(1.0, share)),
        dead_letters=dict(sorted(Counter(why.code for why in refused).items())),
        reasons=_reasons(refused),
        problems=[*problems, *(problem for answered in sample for problem in answered.portion.problems)],
    )


def _sample(groups: Sequence[Group], read: ReadGroup, pipeline: Pipeline, selection: Selection) -> Iterator[Answered]:
    """Yield the answers to the first portion of some groups, as far from each other as may be."""
    step = max(1, len(groups) // _GROUPS)
    for group in groups[::step][:_GROUPS]:
        with closing(cast("Generator[Portion]", read(group, cursor=None))) as portions:
            for portion in portions:
                yield answer(group, portion, pipeline, selection)
                break


def _output_bytes(sample: Sequence[Answered], rows: Rows) -> int:
    predictions, letters = rows.file("predictions"), rows.file("dead_letters")
    for answered in sample:
        predictions.add(rows.predictions(answered))
        letters.add(rows.letters(answered.refused, ""))
    return len(predictions.finish()) + len(letters.finish())


def _reasons(refused: Sequence[Rejected]) -> dict[str, str]:
    return {why.code: why.reason for why in reversed(refused)}
