"""From what `weir replay` was asked for to what is to be replayed, and how."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from scoring import Manifest
from stream_worker import StreamSettings
from stream_worker.replay import archive
from stream_worker.replay.job import Job
from stream_worker.replay.limits import Limits
from stream_worker.replay.listing import made_at
from stream_worker.replay.places import Looking, kept_by
from stream_worker.replay.premises import premises_of
from stream_worker.replay.records import Group, Problem
from stream_worker.replay.run import Order
from stream_worker.replay.threshold import USUAL, Threshold
from weir.replay.asked import Asked
from weir.replay.compare import CompareOptions
from weir.replay.options import (
    check_numbers,
    given,
    groups_asked_for,
    planned,
    served_model,
    storage_of_environment,
)
from weir.settings import Settings
from weir.worker import stream_settings

__all__ = ["Prospect", "compare_options", "looking_at", "order_of", "prospect_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What would be replayed, before it is said where to.

    Attributes:
        groups: of the archive, in order.
        problems: what could not be made part of a group.
        job: for each process, but for the places.
        manifest: the model's.
        threshold: how many may fail.
        stream: the settings of the stream, where there is one.
    """

    groups: Sequence[Group]
    problems: Sequence[Problem]
    job: Job
    manifest: Manifest
    threshold: Threshold
    stream: StreamSettings | None


def prospect_of(asked: Asked, settings: Settings, *, only: Collection[str] | None = None) -> Prospect:
    """Return what would be replayed.

    Args:
        asked: the options.
        settings: the configuration.
        only: the files of the archive to take; None takes all.

    Raises:
        ConfigurationError: an option or a setting is wrong, or the archive has nothing of what is asked for.
        WeirError: there is no such model.
    """
    selection = asked.choice.selection()
    threshold = USUAL if asked.error_threshold is None else Threshold.parse(asked.error_threshold)
    stream = settings.stream if asked.way.journal is None else stream_settings(settings, asked.config)
    served, manifest = served_model(settings, asked.model)
    storage, reading = storage_of_environment(), asked.reading
    plan = planned(
        partial(
            archive.plan,
            asked.paths,
            kind=reading.kind,
            pattern=reading.pattern,
            stream=reading.stream,
            storage=storage,
            only=only,
            without=made_at(asked.way.to) if asked.way.to else [str(asked.way.journal)] if asked.way.journal else (),
        )
    )
    job = Job(
        model=served,
        read=partial(archive.read, column=reading.column),
        storage=storage,
        limits=Limits(max_event_bytes=served.max_event_bytes),
        selection=selection,
        rows=asked.way.rows,
        stream=None if asked.way.journal is None else stream,
        # drift and the collection are about what is live; and a key need not go to other machines
        telemetry=settings.telemetry.model_copy(update={"drift": None, "collection": None}),
    )
    groups = groups_asked_for(plan.groups, plan.problems, selection)
    check_numbers(groups, selection, looking_at(asked, manifest))
    return Prospect(
        groups=groups,
        problems=plan.problems,
        job=job,
        manifest=manifest,
        threshold=threshold,
        stream=stream,
    )


def looking_at(asked: Asked, manifest: Manifest) -> Looking:
    """Return how the files of the archive are looked at."""
    return Looking(
        manifest=manifest,
        column=asked.reading.column,
        pattern=asked.reading.pattern,
        storage=storage_of_environment(),
    )


def order_of(asked: Asked, prospect: Prospect) -> Order:
    """Return what is to be replayed, and how.

    Raises:
        ConfigurationError: there can be no such output.
    """
    job, groups = prospect.job, prospect.groups
    target = asked.way.target(job.storage, prospect.stream)
    chosen = asked.chosen() | {"stream.max_event_bytes": job.model.max_event_bytes}
    return Order(
        groups=groups,
        problems=prospect.problems,
        target=target,
        job=replace(job, work=str(target.work), output=str(target.output)),
        manifest=prospect.manifest,
        premises=premises_of(
            prospect.manifest,
            asked.way.options(prospect.stream) | given(chosen),
            groups,
            served={
                "providers": ", ".join(job.model.providers),
                "allow_uncertified": str(job.model.allow_uncertified).lower(),
            },
        ),
        threshold=prospect.threshold,
        workers=asked.workers,
        overwrite=asked.overwrite,
        engine=asked.engine,
        master=asked.master,
        tables=_in_order(asked, prospect),
    )


def _in_order(asked: Asked, prospect: Prospect) -> frozenset[str]:
    """Return the tables that several processes must not publish beside each other."""
    if asked.way.journal is None or asked.workers == 1:
        return frozenset()
    found = kept_by(
        [group for group in prospect.groups if group.kind == "parquet"], looking_at(asked, prospect.manifest)
    )
    return frozenset(kept.path for kept in found if kept.keys or kept.places != "nothing")


def compare_options(asked: Asked, settings: Settings) -> CompareOptions:
    """Return what a comparison is told.

    Raises:
        ConfigurationError: an option is wrong.
    """
    return CompareOptions(
        settings=settings,
        to=asked.way.to,
        rows=asked.way.rows,
        overwrite=asked.overwrite,
        workers=asked.workers,
        label=asked.label,
        labels=asked.labels,
        storage=storage_of_environment(),
        selection=asked.choice.selection(),
        kind=asked.reading.kind,
        pattern=asked.reading.pattern,
        column=asked.reading.column,
        stream=asked.reading.stream,
    )
