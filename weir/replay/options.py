"""What the options of `weir replay` mean: where to, which model, which records, which account."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models import Deployment, LocalStore, resolve
from scoring import Manifest
from scoring.decode import MAX_EVENT_BYTES
from scoring.errors import ConfigurationError
from stream_worker import StreamSettings
from stream_worker.event_hubs.settings import EventHubsSinkSettings
from stream_worker.kafka.settings import KafkaSinkSettings
from stream_worker.replay import archive
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.job import ServedModel
from stream_worker.replay.output import Target
from stream_worker.replay.places import Looking, kept_by
from stream_worker.replay.records import Group, Problem
from stream_worker.replay.rows import RowFormat
from stream_worker.replay.selection import Selection
from stream_worker.replay.targets import StreamTarget, target_at
from weir.settings import Settings

__all__ = ["Way", "check_numbers", "given", "groups_asked_for", "milliseconds", "planned", "served_model"]
__all__ += ["storage_of_environment"]

_LEAST_RANGE_BYTES = 4 * 1024 * 1024
_RANGES = 64
_CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
_FILES: Mapping[str, RowFormat] = {".parquet": "parquet", ".jsonl": "jsonl"}


def planned(plan: Callable[..., archive.Plan]) -> archive.Plan:
    """Return the plan of an archive; a small one is cut into smaller groups, so that several processes have work."""
    found = plan()
    wanted = max(_LEAST_RANGE_BYTES, sum(file.size for file in found.files) // _RANGES)
    if wanted < archive.RANGE_BYTES and any(file.size > wanted for file in found.files):
        return plan(range_bytes=wanted)
    return found


def storage_of_environment() -> StorageOptions:
    """Return the account of blob storage that the environment names, if it does."""
    return StorageOptions.model_validate({"connection_string": os.environ.get(_CONNECTION_STRING)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where the answers go, as the options say it."""

    to: str | None
    form: str | None
    summary_only: bool
    journal: Path | None
    dry_run: bool

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            ConfigurationError: says which.
        """
        if self.to is None and self.journal is None and not self.dry_run:
            raise ConfigurationError(
                "where to? Pass --to FOLDER, --to FILE.parquet, --to-stream, or --dry-run to look first"
            )
        if self.to is not None and self.journal is not None:
            raise ConfigurationError("--to and --to-stream: the answers go to one of them")
        if self.form not in {None, *_FILES.values()}:
            raise ConfigurationError(f"--format {self.form!r}: expected {' or '.join(_FILES.values())}")
        if self._ending is not None and self.form not in {None, self._ending}:
            raise ConfigurationError(f"--format {self.form}: the name {self.to} says otherwise")
        if self.summary_only and self._ending is not None:
            raise ConfigurationError(f"--summary-only: --to {self.to} is a file of rows; name a folder")

    @property
    def rows(self) -> RowFormat | None:
        """The form of the rows, where there are any in files."""
        if self.summary_only or self.journal is not None:
            return None
        return self._ending or ("jsonl" if self.form == "jsonl" else "parquet")

    def target(self, storage: StorageOptions, stream: StreamSettings | None) -> Target:
        """Return where the output goes."""
        if self.journal is not None and stream is not None:
            return StreamTarget(self.journal, stream.sink.stream)
        return target_at(self.to or "", storage)

    def options(self, stream: StreamSettings | None) -> dict[str, str]:
        """Return what of this changes the output."""
        if self.journal is not None and stream is not None:
            return {
                "stream.sink": _called(stream, stream.sink),
                "stream.dead_letters": _called(stream, stream.dead_letters),
            }
        return {"--format": self.rows or "none", "--to": "one file" if self._ending else "a folder"}

    @property
    def _ending(self) -> RowFormat | None:
        return _FILES.get(Path(self.to or "").suffix)


def _called(stream: StreamSettings, sink: KafkaSinkSettings | EventHubsSinkSettings) -> str:
    if isinstance(sink, KafkaSinkSettings):
        return f"{sink.stream} at {stream.kafka_connection(sink).where}"
    return f"{sink.stream} at {stream.event_hubs_connection(sink).where}"


def given(chosen: Mapping[str, object]) -> dict[str, str]:
    """Return the options that were given, as text."""
    return {name: str(value) for name, value in chosen.items() if value is not None}


def milliseconds(option: str, text: str | None) -> int | None:
    """Return a moment, in milliseconds since 1970 UTC.

    Raises:
        ConfigurationError: it is none, or says nothing of its time zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError(f"{option} {text!r}: expected a moment and its zone, such as 2026-11-20T09:30:00Z")
    return round(moment.timestamp() * 1000)


def served_model(settings: Settings, model: str | None) -> tuple[ServedModel, Manifest]:
    """Return the version that scores, whatever its alias means later.

    Raises:
        ConfigurationError: several are deployed, and none is named.
        WeirError: there is no such model.
    """
    deployments = settings.deployments
    if model is None and len(deployments) > 1:
        names = ", ".join(deployment.model for deployment in deployments)
        raise ConfigurationError(f"several models are deployed: say which by --model ({names})")
    deployment = next((each for each in deployments if model in {None, each.model}), None)
    deployment = deployment or Deployment(name="replay", model=str(model))
    store, reference = LocalStore(settings.store), deployment.reference
    manifest = store.manifest(reference.name, resolve(store, reference))
    served = ServedModel(
        store=settings.store,
        name=manifest.name,
        version=manifest.version,
        allow_uncertified=deployment.allow_uncertified,
        providers=deployment.providers,
        max_event_bytes=MAX_EVENT_BYTES if settings.stream is None else settings.stream.max_event_bytes,
    )
    return served, manifest


def groups_asked_for(groups: Sequence[Group], problems: Sequence[Problem], selection: Selection) -> list[Group]:
    """Return the groups that may hold what is asked for.

    Raises:
        ConfigurationError: there are none.
    """
    if not groups:
        told = "; ".join(f"{problem.path}: {problem.words}" for problem in problems[:3])
        raise ConfigurationError(f"there is nothing to replay{': ' * bool(told)}{told}")
    chosen = [group for group in groups if selection.may_ask_for(group)]
    if not chosen:
        there = ", ".join(map(str, sorted({group.partition for group in groups})))
        raise ConfigurationError(f"--partition: the archive has {there}")
    return chosen


def check_numbers(groups: Sequence[Group], selection: Selection, looking: Looking) -> None:
    """See that the records have numbers where they are asked for by number; that of a table's row is none.

    Raises:
        ConfigurationError: a file does not keep them.
    """
    if selection.from_sequence is None and selection.to_sequence is None:
        return
    if any(kept.places == "nothing" for kept in kept_by(groups, looking)):
        raise ConfigurationError(
            "--from-sequence and --to-sequence: the archive does not keep the sequence numbers of its records"
        )
