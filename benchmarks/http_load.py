"""Load from `wrk`: requests made beforehand, over connections that stay open, each asking again when answered.

`wrk` and not a generator of ours in Python: the load comes from the two cores that the server needs too, and `wrk`
takes a quarter of one for 16,000 requests a second (`load_cores` in the results says what it took). What it says of
latencies is corrected for requests that a slow answer kept from being asked.
"""

import json
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["ask", "missing", "write_bodies"]

_GRACE_S = 30

# Rows differ from one request to the next, so that no server can answer from memory. A request whose connection ends
# without an answer is no error to wrk: it is found by counting.
_SCRIPT = """
local requests = {}
asked = 0  -- global, so that done() can get it from the thread

function setup(thread)
  the_thread = thread
end

function init(args)
  local headers = {}
  for index = 2, #args, 2 do headers[args[index]] = args[index + 1] end
  for body in io.lines(args[1]) do requests[#requests + 1] = wrk.format("POST", nil, headers, body) end
end

function request()
  asked = asked + 1
  return requests[asked % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"seconds": %f, "requests": %d, "asked": %d, "p50_ms": %f, "p99_ms": %f, "max_ms": %f, ' ..
    '"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}\\n',
    summary.duration / 1e6, summary.requests, the_thread:get("asked"),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""


def missing() -> str:
    """Say what stands in the way of making load here; empty where nothing does."""
    return "" if shutil.which("wrk") else "load comes from wrk (Debian and Ubuntu: apt install wrk)"


def write_bodies(path: Path, bodies: Sequence[bytes]) -> None:
    """Keep bodies for `ask`, one a line."""
    if any(b"\n" in body for body in bodies):
        raise ValueError("a body has more than one line")
    path.write_bytes(b"\n".join(bodies) + b"\n")


def ask(url: str, bodies: Path, headers: Mapping[str, str], *, connections: int, seconds: int) -> dict[str, Any]:
    """Ask a server as fast as it answers, and return how that went.

    Args:
        url: what to post to.
        bodies: one a line; they are asked in turn.
        headers: of every request.
        connections: kept open at the same time.
        seconds: how long.

    Returns:
        Requests a second (`rate`), `p50_ms`, `p99_ms` and `max_ms` of a request, failures of every kind together
        (`errors`; one where nothing was answered at all), and the cores that the load itself took (`load_cores`).
    """
    script = bodies.with_name("load.lua")
    script.write_text(_SCRIPT)
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "20s", "--script", str(script), url, "--", str(bodies)]
    command += [part for header in headers.items() for part in header]
    before = _cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE_S, check=False)
    if "RESULT " not in done.stdout:
        raise RuntimeError(f"wrk ended with {done.returncode}: {(done.stdout + done.stderr)[-1000:]}")
    said: dict[str, Any] = json.loads(done.stdout.rpartition("RESULT ")[2])
    failures = {kind: said[kind] for kind in ("connect", "read", "write", "timeout", "status")}
    # one more than was sent: wrk makes a request before it starts, to look at it
    failures["unanswered"] = max(0, said["asked"] - 1 - said["requests"] - connections)
    failures["silent"] = int(not said["requests"])
    return {
        "rate": round(said["requests"] / said["seconds"], 1),
        **{name: round(said[name], 3) for name in ("p50_ms", "p99_ms", "max_ms")},
        "requests": said["requests"],
        "errors": sum(failures.values()),
        "failures": {kind: count for kind, count in failures.items() if count},
        "load_cores": round((_cpu_seconds() - before) / said["seconds"], 2),
    }


def _cpu_seconds() -> float:
    """Return the processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
