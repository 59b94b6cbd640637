"""What `weir replay` was asked for: its options as values, and which of them do not go together."""

from dataclasses import dataclass, field
from pathlib import Path

from scoring.errors import ConfigurationError
from stream_worker.replay.records import ArchiveKind
from stream_worker.replay.run import Engine
from stream_worker.replay.selection import Selection
from weir.replay.options import Way, milliseconds

__all__ = ["USUAL_JOURNAL", "Asked", "Choice", "Reading"]

USUAL_JOURNAL = Path("replay.journal")
_WHY = {
    ("--engine spark", "--to-stream"): ": a lost executor would publish beside its successor; use --workers",
    ("--workers", "--engine spark"): ": the cluster says how many executors there are",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read the archive.

    Attributes:
        kind: of all files; where None, their names say.
        pattern: how the paths of a Capture are made.
        column: of a Parquet file, the one that holds the event.
        stream: the topic or hub that the events stood in.
    """

    kind: ArchiveKind | None = None
    pattern: str | None = None
    column: str | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which records, as the options say it.

    Attributes:
        partitions: the partitions, in order; none means all.
        from_time: a moment in ISO 8601.
        to_time: likewise.
        from_sequence: the first number.
        to_sequence: the one to stop before.
    """

    partitions: tuple[int, ...] = ()
    from_time: str | None = None
    to_time: str | None = None
    from_sequence: int | None = None
    to_sequence: int | None = None

    def check(self) -> None:
        """Refuse bounds between which nothing is.

        Raises:
            ConfigurationError: says which.
        """
        asked = self.selection()
        bounds = {
            f"--from-sequence {self.from_sequence} and --to-sequence {self.to_sequence}": (
                asked.from_sequence,
                asked.to_sequence,
            ),
            f"--from-time {self.from_time} and --to-time {self.to_time}": (asked.from_time, asked.to_time),
        }
        for told, (low, high) in bounds.items():
            if low is not None and high is not None and low >= high:
                raise ConfigurationError(f"{told}: nothing is between them, for the latter is not included")

    def selection(self) -> Selection:
        """Return the records that are meant.

        Raises:
            ConfigurationError: a time is none.
        """
        return Selection(
            partitions=self.partitions,
            from_time=milliseconds("--from-time", self.from_time),
            to_time=milliseconds("--to-time", self.to_time),
            from_sequence=self.from_sequence,
            to_sequence=self.to_sequence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `weir replay` was asked for; what is not described here is the option of that name.

    Attributes:
        paths: of the archive.
        way: where the answers go.
        reading: how to read the archive.
        choice: which records.
        journal: as it was given, whether or not the answers go to a stream.
    """

    paths: tuple[str, ...]
    way: Way
    config: Path
    model: str | None = None
    workers: int = 1
    engine: Engine = "local"
    master: str | None = None
    error_threshold: str | None = None
    overwrite: bool = False
    then_follow: bool = False
    journal: Path | None = None
    reading: Reading = field(default_factory=Reading)
    choice: Choice = field(default_factory=Choice)
    compare: tuple[str, str] | None = None
    label: str | None = None
    labels: str | None = None

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            ConfigurationError: says which.
        """
        self._check_follow()
        self._check_unused()
        self.way.check()
        self.choice.check()
        if self.compare is None and (self.label or self.labels):
            raise ConfigurationError(
                "--label and --labels: say which models to compare, by --compare CHAMPION CHALLENGER"
            )
        if self.compare is not None:
            self._refuse_with_compare()

    def _check_unused(self) -> None:
        """Refuse options that nothing would come of."""
        way, on_spark = self.way, self.engine == "spark"
        asked = {
            "--engine spark": on_spark,
            "--workers": self.workers > 1,
            "--master": self.master is not None,
            "--format": way.form is not None,
            "--summary-only": way.summary_only,
            "--error-threshold": self.error_threshold is not None,
        }
        beside = {
            "--compare": (self.compare is not None, ("--engine spark", "--master")),
            "--dry-run": (way.dry_run, ("--engine spark", "--master", "--error-threshold")),
            "--to-stream": (way.journal is not None, ("--engine spark", "--format", "--summary-only")),
            "--engine spark": (on_spark, ("--workers",)),
        }
        for other, (is_asked, names) in beside.items():
            for name in names:
                if is_asked and asked[name]:
                    raise ConfigurationError(f"{name} does not go with {other}{_WHY.get((name, other), '')}")
        if self.master is not None and not on_spark:
            raise ConfigurationError("--master: pass --engine spark, for it is the address of a Spark cluster")
        if self.journal is not None and way.journal is None:
            raise ConfigurationError("--journal: pass --to-stream, of which it remembers how far it is")

    def chosen(self) -> dict[str, object]:
        """Return the options that say what is read, and of that which records; None where one was not given."""
        return {
            "--kind": self.reading.kind,
            "--pattern": self.reading.pattern,
            "--column": self.reading.column,
            "--stream": self.reading.stream,
            "--partition": ", ".join(map(str, self.choice.partitions)) or None,
            "--from-time": self.choice.from_time,
            "--to-time": self.choice.to_time,
            "--from-sequence": self.choice.from_sequence,
            "--to-sequence": self.choice.to_sequence,
        }

    def _check_follow(self) -> None:
        if not self.then_follow:
            return
        for name, value in {"--compare": self.compare, "--dry-run": self.way.dry_run}.items():
            if value:
                raise ConfigurationError(f"--then-follow does not go with {name}")
        if self.way.journal is None:
            raise ConfigurationError(
                "--then-follow: pass --to-stream, for the live stream's answers go where the archive's go"
            )
        for name in ("--partition", "--to-time", "--to-sequence"):
            if self.chosen()[name] is not None:
                raise ConfigurationError(
                    f"--then-follow does not go with {name}: what it leaves out would be in neither the archive's "
                    "answers nor the live ones"
                )

    def _refuse_with_compare(self) -> None:
        options = {
            "--model": self.model,
            "--error-threshold": self.error_threshold,
            "--dry-run": self.way.dry_run,
            "--to-stream": self.way.journal,
        }
        for name, value in options.items():
            if value:
                raise ConfigurationError(f"{name} does not go with --compare")
