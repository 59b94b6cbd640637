"""How fast one worker scores a Kafka stream, against a bare loop in the same run; and how late its answers are.

    python -m benchmarks.stream                    # everything: about six minutes
    python -m benchmarks.stream --only throughput  # or latency, or stall

Apache Kafka runs on this machine beside the worker. Times are the broker's own: when it appended a message.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.latency import measure_latency
from benchmarks.machine import machine
from benchmarks.stall import measure_stall
from benchmarks.stream_plot import plot
from benchmarks.throughput import measure_throughput
from benchmarks.workload import add_model
from models import LocalStore

_PACKAGES = ("aiokafka", "msgspec", "numpy", "onnxruntime", "scikit-learn", "skl2onnx")
_PARTS = ("throughput", "latency", "stall")


def main() -> None:
    """Run what is asked for, print it, and keep it in `benchmarks/results/stream.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=_PARTS)
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the throughput part")
    parser.add_argument("--seconds", type=int, default=60, help="length of the latency and of the stall part")
    options = parser.parse_args()
    parts = (options.only,) if options.only else _PARTS
    results: dict[str, Any] = {"machine": machine(*_PACKAGES)}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        store = LocalStore(Path(folder) / "store")
        manifest, _ = add_model(store)
        print(f"model {manifest.reference}: 200 trees, 21 features, certified", flush=True)
        if "throughput" in parts:
            results["throughput"] = measure_throughput(Path(folder), options.events)
        if "latency" in parts:
            results["latency"] = measure_latency(Path(folder), options.seconds)
        if "stall" in parts:
            results["stall"] = measure_stall(Path(folder), options.seconds)
    out = Path(__file__).parent / "results"
    out.mkdir(exist_ok=True)
    name = "stream.json" if not options.only else f"stream-{options.only}.json"
    (out / name).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if not options.only:
        plot(results, out / "stream.png")
    print(f"kept in benchmarks/results/{name}")


if __name__ == "__main__":
    main()
