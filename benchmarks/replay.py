"""How fast an archive is scored, and in how much memory, beside pandas and the estimator itself, in one run.

    python -m benchmarks.replay                    # 512,000 loan applications: about a minute

The same file, from Parquet and from JSON Lines: read with pandas and given to `predict_proba` in one process, which
makes no ids and no checks and writes nothing; and replayed to Parquet, one row a record, in one process and in two.
Then an archive eight times as large, for the memory. Seconds are those of the whole process less what Python and its
imports take, which is measured by doing nothing.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.machine import machine
from benchmarks.running import ROOT
from examples.loans.applications import FEATURES, write_applications
from examples.loans.release import release
from models import LocalStore

_ROWS = 512_000
_SEED = 11
_PANDAS = """
import json, sys, time
import joblib, pandas as pd
model, path = joblib.load(sys.argv[1]), sys.argv[2]
began = time.perf_counter()
table = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_json(path, lines=True)
answers = model.predict_proba(table[sys.argv[3].split(",")].to_numpy())
print(json.dumps({"rows": len(answers), "seconds": time.perf_counter() - began}))
"""


def main() -> None:
    """Measure, print, and keep it in `benchmarks/results/replay.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=_ROWS)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        results = _Bench(Path(name), rows).measure()
    out = Path(__file__).parent / "results" / "replay.json"
    kept = {"machine": machine("pandas", "scikit-learn", "pyarrow", "onnxruntime"), "rows": rows, "runs": results}
    out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for what, run in results.items():
        print(f"{what:38} {run['seconds']:7.2f} s {run['rows_per_second']:>10,} rows a second {run['peak_mib']:>6} MiB")
    for kind in ("parquet", "jsonl"):
        pandas = results[f"pandas, {kind}"]["seconds"]
        for workers in (1, 2):
            ratio = results[f"replay, {kind}, {workers} process"]["seconds"] / pandas
            print(f"{kind}: {workers} process of replay takes {ratio:.2f} times as long as pandas")
    print(f"kept in {out.relative_to(ROOT)}")


class _Bench:
    """A folder with a model, as a store's and as an estimator, and archives."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder = folder
        self._rows = rows
        release(LocalStore(folder / "store"))
        settings = {"store": str(folder / "store"), "deployments": [{"name": "blue", "model": "loans@champion"}]}
        (folder / "weir.yaml").write_text(yaml.safe_dump(settings))

    def measure(self) -> dict[str, dict[str, Any]]:
        """Return seconds, rows a second and peak memory of each run."""
        results: dict[str, dict[str, Any]] = {}
        for kind in ("parquet", "jsonl"):
            path = self._folder / f"applications.{kind}"
            write_applications(path, self._rows, _SEED)
            results[f"pandas, {kind}"] = self._pandas(path)
            for workers in (1, 2):
                results[f"replay, {kind}, {workers} process"] = self._replay(path, workers, self._rows)
            large = self._folder / f"large.{kind}"
            write_applications(large, 8 * self._rows, _SEED)
            results[f"replay, {kind}, 1 process, 8 times"] = self._replay(large, 1, 8 * self._rows)
        return results

    def _pandas(self, path: Path) -> dict[str, Any]:
        said, _, peak = _run([sys.executable, "-c", _PANDAS, str(self._estimator()), str(path), ",".join(FEATURES)])
        told = json.loads(said)
        return _figures(told["seconds"], told["rows"], peak)

    def _replay(self, path: Path, workers: int, rows: int) -> dict[str, Any]:
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, "-m", "weir", "replay", str(path), "--config", str(self._folder / "weir.yaml")]
        _, idle, _ = _run([sys.executable, "-m", "weir", "replay", "--help"])
        _, seconds, peak = _run([*command, "--to", str(out), "--workers", str(workers)])
        answered = json.loads((out / "summary.json").read_text())["predictions"]
        if answered != rows:
            raise RuntimeError(f"{answered} predictions for {rows} rows")
        return _figures(seconds - idle, rows, peak) | {"seconds_with_imports": round(seconds, 2)}

    def _estimator(self) -> Path:
        """Return the estimator behind the model, which `release` does not keep."""
        path = self._folder / "estimator.joblib"
        if not path.exists():
            code = "import sys, joblib; from examples.loans.train import train; joblib.dump(train().model, sys.argv[1])"
            subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)
        return path


def _run(command: list[str]) -> tuple[str, float, int]:
    """Run a command, and return what it said, its seconds, and the most memory that it and its children had at once."""
    began, peak = time.perf_counter(), 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):  # a child may just have ended
                peak = max(peak, sum(each.memory_info().rss for each in (seen, *seen.children(recursive=True))))
            time.sleep(0.01)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return said, time.perf_counter() - began, round(peak / 2**20)


def _figures(seconds: float, rows: int, peak: int) -> dict[str, Any]:
    return {"seconds": round(seconds, 2), "rows_per_second": round(rows / seconds), "peak_mib": peak}


if __name__ == "__main__":
    main()
