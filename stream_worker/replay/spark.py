"""Groups handed out to the executors of a Spark cluster, each with a session of its own.

Rules:
- An executor works by the same description as a process of one machine, on the same folders, which it must reach: a
  shared disk, or blob storage. What it makes is therefore the same, and so is what a later run goes on from.
- Spark may give a lane to a second executor when the first one is lost. The first has left whole parts, or nothing; and
  if it was only slow, both write the same parts, of which a journal keeps the first line. Speculation is off.
- The model is read from the store once for each of an executor's Python processes.
"""

import os
import pickle
import sys
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import msgspec
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from scoring.errors import ConfigurationError, WeirError
from stream_worker.replay.folders import LocalFolder, folder_at
from stream_worker.replay.group import Progress, progress_of
from stream_worker.replay.job import Job, Replay, replayer
from stream_worker.replay.journal import Journal
from stream_worker.replay.output import WORKERS
from stream_worker.replay.processes import Lane
from stream_worker.replay.records import Group

__all__ = ["on_spark"]

_ROOT = Path(__file__).parents[2]
_LOOK_S = 1.0  # between two looks at how far the groups are
_opened = ExitStack()  # what a Python process of an executor keeps open for as long as it lives


def on_spark(job: Job, lanes: Sequence[Lane], master: str | None) -> Generator[Progress]:
    """Replay lanes on a cluster, and yield now and then how far each group is.

    Closed before its end, it cancels what the executors are at; the parts that they had finished are kept.

    Args:
        job: what an executor needs to know.
        lanes: groups that keep their order.
        master: the cluster's; None where `spark-submit`, or Spark's own configuration, names it.

    Raises:
        ConfigurationError: the answers go to a stream: a lost executor would publish beside its successor.
        WeirError: a task failed again and again.
    """
    if job.stream is not None:
        raise ConfigurationError("--engine spark writes files; use --workers to publish to a stream")
    job, lanes = _anywhere(job), [[_anywhere_read(group) for group in lane] for lane in lanes]
    spark = _session(master)
    try:
        with ThreadPoolExecutor(1, "spark") as waiting:
            running = waiting.submit(_collected, spark, job, lanes)
            try:
                yield from _watched(job, lanes, running)
            finally:
                spark.sparkContext.cancelAllJobs()
    finally:
        spark.stop()


def _anywhere(job: Job) -> Job:
    """Return the description with whole paths: an executor works in a folder of its own."""
    model = replace(job.model, store=job.model.store.absolute())
    return replace(job, model=model, work=_whole(job.work), output=_whole(job.output))


def _anywhere_read(group: Group) -> Group:
    files = tuple(msgspec.structs.replace(file, path=_whole(file.path)) for file in group.files)
    return msgspec.structs.replace(group, files=files)


def _whole(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())


def _session(master: str | None) -> SparkSession:
    """Return a session whose executors have our interpreter and find our modules."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("weir replay").config("spark.ui.enabled", "false")
    builder = builder.config("spark.executorEnv.PYTHONPATH", str(_ROOT)).config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.speculation", "false")  # two of a lane are right, and twice the work
    if master is not None:
        builder = builder.master(master)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _collected(spark: SparkSession, job: Job, lanes: Sequence[Lane]) -> list[bytes]:
    """Have every lane replayed, one task each, and return what the tasks say."""
    rows = [(bytearray(pickle.dumps(lane)),) for lane in lanes]
    frame = spark.createDataFrame(rows, "lane binary").repartition(len(rows))
    told = frame.mapInArrow(partial(_replay_lanes, pickle.dumps(job)), "progress binary")
    return [bytes(row.progress) for row in told.collect()]


def _watched(job: Job, lanes: Sequence[Lane], running: "Future[list[bytes]]") -> Iterator[Progress]:
    work = folder_at(job.work, job.storage)
    groups = [group for lane in lanes for group in lane]
    while not running.done():
        try:
            running.result(_LOOK_S)
        except TimeoutError:
            for group in groups:
                yield progress_of(group, Journal(work, group.name).entries())
        except PySparkException as error:
            raise WeirError(f"Spark gave up: {_first_line(error)}") from error
    yield from map(pickle.loads, running.result())  # of our own processes


def _first_line(error: PySparkException) -> str:
    lines = [line for line in str(error).splitlines() if "Error: " in line]
    return (lines or str(error).splitlines() or [type(error).__name__])[-1].strip()


def _replay_lanes(job: bytes, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What a task does: replay its lanes, and tell how far each group came."""
    for batch in batches:
        for pickled in batch.column(0).to_pylist():
            lane: Lane = pickle.loads(pickled)  # noqa: S301 - of our own driver
            for group in lane:
                told = [pickle.dumps(last) for last in deque(_replayer(job)(group), maxlen=1)]
                yield pa.RecordBatch.from_arrays([pa.array(told, pa.binary())], ["progress"])


@lru_cache(1)
def _replayer(pickled: bytes) -> Replay:
    """Return what replays groups; the model and the folders stay open for the next task of this process."""
    job: Job = pickle.loads(pickled)  # noqa: S301 - of our own driver
    work = folder_at(job.work, job.storage)
    _opened.enter_context(work.locked(WORKERS, shared=True) if isinstance(work, LocalFolder) else nullcontext())
    return _opened.enter_context(replayer(job))
