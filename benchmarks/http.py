"""How fast one model is scored over HTTP: by Weir, by the servers one would take instead, and by the bare minimum.

    python -m benchmarks.http                           # everything: about ten minutes
    python -m benchmarks.http --only weir bare --seconds 3

The model is the stream benchmark's, 200 boosted trees over 21 features. Each server has one process, is checked against
scikit-learn before it is measured, and is asked single rows over 1, 8 and 64 connections, then 1,000 rows at a time
over one. Weir checks a key with each request; the others ask for none.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.http_environments import EnvironmentMissingError
from benchmarks.http_load import ask, missing, write_bodies
from benchmarks.http_model import Rows, add_models, rows_to_ask
from benchmarks.http_plot import plot
from benchmarks.http_running import Running, running
from benchmarks.http_servers import SERVERS, Server
from benchmarks.machine import machine

_CONNECTIONS: Final = (1, 8, 64)
_MANY_ROWS: Final = 1000
_BODIES: Final = 500
_STARTS: Final = 3
_TOLERANCE: Final = 1e-5
_WARM_S: Final = 2
_QUIET_CORES: Final = 0.15  # what other programs may take before the numbers are in doubt
_UNAVAILABLE: Final = {
    "mlserver-onnx on PyPI": "MLServer publishes no runtime for ONNX; ours, of thirty lines, stands in for one",
}


def main() -> None:
    """Run what is asked for, print it, and keep it in `benchmarks/results/http.json` and `http.png`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS), metavar="SERVER")
    parser.add_argument("--seconds", type=int, default=10, help="length of each measurement")
    options = parser.parse_args()
    if missing():
        sys.exit(missing())
    servers: dict[str, Any] = {}
    unavailable = dict(_UNAVAILABLE)
    results: dict[str, Any] = {"machine": _machine(), "servers": servers, "unavailable": unavailable}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        model = add_models(Path(folder))
        rows = rows_to_ask(model, _BODIES)
        print(f"the machine's load before: {results['machine']['load_before']}", flush=True)
        for name in options.only:
            try:
                SERVERS[name].python()
                servers[name] = _measure(SERVERS[name], Path(folder), rows, options.seconds)
            except EnvironmentMissingError as error:
                unavailable[name] = str(error)
                print(f"{SERVERS[name].title} cannot be installed here: {error}", flush=True)
            else:
                print(_line(servers[name]), flush=True)
    results["ratios"] = _ratios(servers)
    results["machine"]["others_cores"] = max(
        (part["others_cores"] for s in servers.values() for part in _parts(s)), default=0
    )
    _print(results)
    _keep(results, whole=len(servers) == len(SERVERS))
    if any(_errors(server) for server in servers.values()):
        sys.exit("some requests failed: these results are not to be believed")


def _measure(server: Server, folder: Path, rows: Rows, seconds: int) -> dict[str, Any]:
    """Start a server a few times, check it, and measure it."""
    one = server.body(rows.values[:1])
    singles, many = folder / "singles", folder / "many"
    write_bodies(singles, [server.body(rows.values[index : index + 1]) for index in range(_BODIES)])
    repeated = np.resize(rows.values, (_MANY_ROWS, rows.values.shape[1]))
    write_bodies(many, [server.body(np.roll(repeated, shift, axis=0)) for shift in range(4)])
    with running(server, folder, one) as first:  # its files are in the machine's cache from now on
        _check(first, rows)
    starts: list[float] = []
    for _ in range(_STARTS - 1):
        with running(server, folder, one) as again:
            starts.append(again.start_s)
    with running(server, folder, one) as tested:
        starts.append(tested.start_s)
        idle = tested.memory_mib()
        single = {str(count): _load(tested, singles, count, seconds) for count in _CONNECTIONS}
        thousand = _load(tested, many, 1, seconds)
        memory, processes = tested.memory_mib(), tested.processes()
    return {
        "title": server.title,
        "packages": _versions(server),
        "start_s": round(statistics.median(starts), 3),
        "starts_s": [round(start, 3) for start in starts],
        "memory_mib": {"first_answer": idle, "after_load": memory},
        "processes": processes,
        "single_row": single,
        "thousand_rows": thousand,
    }


def _check(tested: Running, rows: Rows) -> None:
    """Ask for rows one by one and together, and compare with scikit-learn."""
    server = tested.server
    some = slice(0, 20)
    together = server.scores(tested.answer(server.body(rows.values)))
    alone = [server.scores(tested.answer(server.body(row[None])))[0] for row in rows.values[some]]
    for scores, expected in ((together, rows.probabilities), (alone, rows.probabilities[some])):
        difference = float(np.abs(np.array(scores) - expected).max())
        if len(scores) != len(expected) or difference > _TOLERANCE:
            raise RuntimeError(f"{server.title} is off scikit-learn by {difference:g}")


def _load(tested: Running, bodies: Path, connections: int, seconds: int) -> dict[str, Any]:
    """Warm up, then measure."""
    headers = tested.server.headers
    ask(tested.url, bodies, headers, connections=connections, seconds=min(_WARM_S, seconds))
    server, machine = tested.cpu_seconds(), _busy_seconds()
    answered = ask(tested.url, bodies, headers, connections=connections, seconds=seconds)
    server, machine = tested.cpu_seconds() - server, _busy_seconds() - machine
    took = answered["requests"] / answered["rate"] if answered["rate"] else seconds
    server_cores, others = server / took, machine / took - server / took - answered["load_cores"]
    return {
        **answered,
        "server_cores": round(server_cores, 2),
        "server_cpu_us": round(server * 1e6 / max(1, answered["requests"])),  # of a request; true on a busy machine too
        "others_cores": max(0.0, round(others, 2)),
    }


def _busy_seconds() -> float:
    """Return the processor time that the whole machine has spent on anything."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _ratios(servers: dict[str, Any]) -> dict[str, float]:
    """Return how Weir compares: requests a second, more is better; latency and start, less is better."""
    ratios: dict[str, float] = {}
    for name, other in servers.items():
        if "weir" in servers and name != "weir":
            weir = servers["weir"]
            for count in map(str, _CONNECTIONS):
                ours, theirs = weir["single_row"][count], other["single_row"][count]
                what = f"requests a second at {count}: Weir / {name}"
                ratios[what] = _over(ours["rate"], theirs["rate"])
            ours, theirs = weir["thousand_rows"], other["thousand_rows"]
            ratios[f"requests a second, 1,000 rows: Weir / {name}"] = _over(ours["rate"], theirs["rate"])
            ours, theirs = weir["single_row"]["64"], other["single_row"]["64"]
            ratios[f"p99 at 64: {name} / Weir"] = _over(theirs["p99_ms"], ours["p99_ms"])
            ratios[f"time to first answer: {name} / Weir"] = _over(other["start_s"], weir["start_s"])
    return ratios


def _over(first: float, second: float) -> float:
    return round(first / second, 2) if second else float("nan")


def _print(results: dict[str, Any]) -> None:
    servers = results["servers"].values()
    print(f"\n{'requests/s (p50, p99 ms)':34}" + "".join(f"{f'at {c}':>26}" for c in _CONNECTIONS))
    for server in servers:
        cells = (server["single_row"][str(count)] for count in _CONNECTIONS)
        shown = "".join(f"{c['rate']:>9,.0f} ({c['p50_ms']:>6.2f}, {c['p99_ms']:>6.2f})" for c in cells)
        print(f"{server['title']:34}{shown}")
    print(f"\n{'':34}{'1,000 rows: requests/s':>24}{'rows/s':>11}{'MiB':>7}{'first answer, s':>17}{'failed':>8}")
    for server in servers:
        rate, memory = server["thousand_rows"]["rate"], server["memory_mib"]["after_load"]
        numbers = f"{rate:>24,.1f}{rate * _MANY_ROWS:>11,.0f}{memory:>7}{server['start_s']:>17.2f}{_errors(server):>8}"
        print(f"{server['title']:34}{numbers}")
    print()
    for what, ratio in results["ratios"].items():
        print(f"{what:54}{ratio:>8.2f}")
    others = results["machine"]["others_cores"]
    if others > _QUIET_CORES:
        print(f"other programs took up to {others} cores meanwhile: measure again on a quiet machine")
    for what, why in results["unavailable"].items():
        print(f"not here: {what}: {why}")


def _line(server: dict[str, Any]) -> str:
    rates = ", ".join(f"{server['single_row'][str(count)]['rate']:,.0f} at {count}" for count in _CONNECTIONS)
    return f"{server['title']}: right; {rates}; first answer after {server['start_s']:.2f} s"


def _errors(server: dict[str, Any]) -> int:
    return sum(part["errors"] for part in _parts(server))


def _parts(server: dict[str, Any]) -> list[dict[str, Any]]:
    return [*server["single_row"].values(), server["thousand_rows"]]


def _keep(results: dict[str, Any], *, whole: bool) -> None:
    out = Path(__file__).parent / "results"
    out.mkdir(exist_ok=True)
    name = "http" if whole else "http-part"
    (out / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    plot(results, out / f"{name}.png")
    print(f"kept in benchmarks/results/{name}.json and {name}.png")


def _versions(server: Server) -> dict[str, str]:
    script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(server.python()), "-c", script, *server.packages]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(server.packages, said, strict=True))


def _machine() -> dict[str, Any]:
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()[0]
    load = {"load": wrk.partition(" Copyright")[0], "load_before": [round(load, 2) for load in os.getloadavg()]}
    return machine("scikit-learn") | load


if __name__ == "__main__":
    main()
