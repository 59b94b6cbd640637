"""A worker's process, one of whose parts keeps hold of itself when it is cancelled: `clinging.py fetch|publish`."""

import asyncio
import sys

import uvloop

import weir.worker
from stream_worker.fakes import FakeSink, FakeSource, FakeStream
from telemetry.logs import Redactor
from telemetry.settings import TelemetrySettings
from telemetry.setup import Telemetry
from tests.stream.makers import pipeline, settings, value


async def cling() -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            sys.stderr.write("clinging\n")


class Source(FakeSource):
    async def fetch(self, *, max_events, max_wait):
        sys.stderr.write("fetching\n")
        if sys.argv[1] == "fetch":
            await cling()
        return await super().fetch(max_events=max_events, max_wait=max_wait)


class Sink(FakeSink):
    async def publish(self, messages):
        await cling()


def main() -> None:
    stream = FakeStream()
    stream.append(value(1))
    weir.worker._GRACE_S = 0.5
    weir.worker.make_source = lambda _: Source(stream)
    weir.worker.make_sink = lambda *_, name: Sink(name)
    telemetry = Telemetry(TelemetrySettings(flush_s=0.5), {}, Redactor(()))
    uvloop.run(weir.worker._run_one(pipeline(), settings(stall_timeout_s=1.0, shutdown_timeout_s=1.0), 0, telemetry))


main()
