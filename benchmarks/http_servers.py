"""The servers under test: how each is started, what it is asked, and how its answer is read.

Each gets the settings that make it quickest in one process: no access log, no debug log, MLServer's model in the
process that reads requests and not in one behind a queue, asynchronous handlers, arrays and not data frames; and one
OpenMP thread, since scikit-learn's own choice, one a core, spins for the core that the load needs: on a busy machine it
answers 21 single rows a second and not 800.
`azureml-inference-server-http` chooses gunicorn's synchronous worker itself; a second process, its master, only waits.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.http_environments import PEERS, environment
from benchmarks.workload import FEATURES

__all__ = ["SERVERS", "Server", "variables"]

_ROOT = Path(__file__).parent.parent
_KEY = "benchmark-primary-key-0123456789abcdef"  # not a secret: it is good for one run of a benchmark
_JSON = {"Content-Type": "application/json"}
_V2 = "/v2/models/benchmark/infer"

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server.

    Attributes:
        title: what it is called in the results.
        peer: the requirements file of its environment; none where it runs in ours.
        packages: whose versions matter.
        command: what starts it, given the folder of the model and the port.
        environment: variables it wants, given the same.
        path: where it is asked.
        body: what it is asked, for rows.
        scores: the positive class's probabilities in an answer.
        headers: of each request.
    """

    title: str
    peer: str | None
    packages: tuple[str, ...]
    command: Callable[[Path, int], list[str]]
    environment: Callable[[Path, int], dict[str, str]]
    path: str = "/score"
    body: Callable[[Values], bytes]
    scores: Callable[[Any], Sequence[float]]
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)

    def python(self) -> Path:
        """Return the interpreter that it runs in, having its environment installed if it is not there yet.

        Raises:
            EnvironmentMissingError: it cannot be installed here.
        """
        return environment(self.peer) / "python" if self.peer else Path(sys.executable)


def variables(server: Server, folder: Path, port: int) -> dict[str, str]:
    """Return the environment that a server is started in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR", "PYTHON"))}
    return {**kept, "OMP_NUM_THREADS": "1", **server.environment(folder, port)}


def _records(values: Values) -> bytes:
    rows = [dict(zip(FEATURES, row, strict=True)) for row in _plain(values)]
    return msgspec.json.encode({"data": rows, "method": "predict_proba"})


def _tensor(values: Values) -> bytes:
    cells = [cell for row in _plain(values) for cell in row]
    tensor = {"name": "rows", "shape": list(values.shape), "datatype": "FP32", "data": cells}
    return msgspec.json.encode({"inputs": [tensor], "outputs": [{"name": "predict_proba"}]})


def _plain(values: Values) -> list[list[float]]:
    """Return the numbers as people write them: the few digits that are theirs, not those of their nearest double."""
    return [[float(str(cell)) for cell in row] for row in values]


def _probabilities(answer: Any) -> list[float]:
    return [row[1] for row in answer["predict_proba"]]


def _tensor_probabilities(answer: Any) -> list[float]:
    data: list[float] = answer["outputs"][0]["data"]
    return data[1::2]


def _weir(folder: Path, port: int) -> list[str]:
    config = folder / "weir.yaml"
    settings = {
        "store": str(folder / "store"),
        "deployments": [{"name": "blue", "model": "benchmark"}],
        "http": {"host": "127.0.0.1", "port": port, "auth": {"mode": "key"}},
    }
    config.write_text(yaml.safe_dump(settings))
    return ["-m", "weir", "serve", "--config", str(config)]


def _weir_environment(_: Path, __: int) -> dict[str, str]:
    return {"PYTHONPATH": str(_ROOT), "WEIR__HTTP__AUTH__PRIMARY_KEY": _KEY}


def _uvicorn(module: str) -> Callable[[Path, int], list[str]]:
    def command(_: Path, port: int) -> list[str]:
        options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
        return ["-m", "uvicorn", f"{module}:app", "--app-dir", str(PEERS), "--port", str(port), *options]

    return command


def _azureml(_: Path, port: int) -> list[str]:
    script = str(PEERS / "azureml_score.py")
    options = ("--entry_script", script, "--port", str(port), "--health_port", str(port), "--worker_count", "1")
    return ["-m", "azureml_inference_server_http", *options]


def _mlserver(implementation: str, file: str) -> Callable[[Path, int], list[str]]:
    def command(folder: Path, port: int) -> list[str]:
        home = folder / "mlserver"
        home.mkdir(exist_ok=True)
        # the ports of gRPC and of metrics cannot be left out
        settings = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2, "host": "127.0.0.1"}
        model = {"name": "benchmark", "implementation": implementation, "parameters": {"uri": str(folder / file)}}
        (home / "settings.json").write_text(json.dumps({**settings, "debug": False, "parallel_workers": 0}))
        (home / "model-settings.json").write_text(json.dumps(model))
        return ["-c", "from mlserver.cli import main; main()", "start", str(home)]

    return command


def _model_folder(folder: Path, _: int) -> dict[str, str]:
    return {"MODEL_DIR": str(folder), "AZUREML_MODEL_DIR": str(folder), "AZUREML_LOG_LEVEL": "WARNING"}


def _ours_in_path(_: Path, __: int) -> dict[str, str]:
    return {"PYTHONPATH": str(PEERS)}


SERVERS = {
    "bare": Server(
        title="bare onnxruntime",
        peer=None,
        packages=("onnxruntime", "uvicorn", "uvloop", "httptools", "msgspec"),
        command=_uvicorn("bare_app"),
        environment=_model_folder,
        body=_records,
        scores=_probabilities,
    ),
    "weir": Server(
        title="Weir",
        peer=None,
        packages=("onnxruntime", "uvicorn", "uvloop", "httptools", "msgspec"),
        command=_weir,
        environment=_weir_environment,
        body=_records,
        scores=_probabilities,
        headers={**_JSON, "Authorization": f"Bearer {_KEY}"},
    ),
    "fastapi": Server(
        title="FastAPI + scikit-learn",
        peer="fastapi",
        packages=("fastapi", "uvicorn", "uvloop", "httptools", "scikit-learn"),
        command=_uvicorn("fastapi_app"),
        environment=_model_folder,
        body=_records,
        scores=_probabilities,
    ),
    "azureml": Server(
        title="azureml-inference-server-http",
        peer="azureml",
        packages=("azureml-inference-server-http", "gunicorn", "flask", "scikit-learn"),
        command=_azureml,
        environment=_model_folder,
        body=_records,
        scores=_probabilities,
    ),
    "mlserver": Server(
        title="MLServer + mlserver-sklearn",
        peer="mlserver",
        packages=("mlserver", "mlserver-sklearn", "fastapi", "scikit-learn"),
        command=_mlserver("mlserver_sklearn.SKLearnModel", "model.joblib"),
        environment=_ours_in_path,
        path=_V2,
        body=_tensor,
        scores=_tensor_probabilities,
    ),
    "mlserver-onnx": Server(
        title="MLServer + onnxruntime",
        peer="mlserver",
        packages=("mlserver", "fastapi", "onnxruntime"),
        command=_mlserver("mlserver_onnx.OnnxModel", "model.onnx"),
        environment=_ours_in_path,
        path=_V2,
        body=_tensor,
        scores=_tensor_probabilities,
    ),
}
