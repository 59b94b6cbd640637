"""What is deployed: small, locked, and quick to import."""

import json
import re
import subprocess
from pathlib import Path

import yaml

from models.configuration import FileSettings, read_settings
from tests.http.azure.environment import ROOT
from tests.http.requests_suite import ENVIRONMENT, configuration

IMPORT_SECONDS = 1.0
BUSY = 4  # times longer that other tests may make it take
TIMED = """
import json, sys, time
clock, processor = time.perf_counter(), time.process_time()
import function_app
function_app.app
took = time.perf_counter() - clock, time.process_time() - processor
print(json.dumps([*took, sorted({name.split(".")[0] for name in sys.modules})]))
"""
NEVER = {"sklearn", "skl2onnx", "onnxmltools", "pandas", "pyarrow", "scipy", "aiokafka", "uvicorn", "typer", "weir"}


def test_a_cold_import_takes_less_than_a_second(python, deployed):
    walls, processors = [], []
    for _ in range(4):  # the first writes the byte code, which a deployment does once
        done = subprocess.run([python, "-c", TIMED], cwd=deployed, capture_output=True, text=True, check=True)
        wall, processor, loaded = json.loads(done.stdout)
        assert not set(loaded) & NEVER
        walls.append(wall)
        processors.append(processor)
    # the processor's time is the same on a busy machine; the clock's shows what waits instead of working
    assert min(processors) < IMPORT_SECONDS, processors
    assert min(walls) < BUSY * IMPORT_SECONDS, walls


def test_the_command_line_does_not_import_azures_libraries(python, deployed):
    program = "import sys, function_app, function_app.settings; print('azure' in sys.modules)"
    done = subprocess.run([python, "-c", program], cwd=deployed, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_what_is_deployed(deployed: Path):
    assert {path.parent.name for path in deployed.glob("*/__init__.py")} == {
        "function_app",
        "models",
        "scoring",
        "telemetry",
    }
    there = {path.name for path in deployed.iterdir()}
    assert {"function_app.py", "host.json", "requirements.txt"} <= there
    assert not there & {"tests", "docs", "deploy", "requirements", "benchmarks", "examples", ".venv", ".git", "out"}


def test_the_remote_build_installs_the_locked_serving_set():
    built = (ROOT / "requirements.txt").read_text()
    assert built == (ROOT / "requirements" / "serving.txt").read_text()
    names = set(re.findall(r"^([a-z0-9-]+)==", built, re.MULTILINE))
    assert {"azure-functions", "onnxruntime", "msgspec", "pydantic"} <= names
    assert not names & {"scikit-learn", "skl2onnx", "onnxmltools", "pandas", "pyarrow", "scipy", "pyspark"}
    assert not re.search(r"^[^#\s-][^\\]*$", built, re.MULTILINE)  # each goes on with its hashes
    assert "://" not in built


def test_the_platforms_part_is_locked():
    platform = (ROOT / "requirements" / "functions-runtime.txt").read_text()
    assert set(re.findall(r"^([a-z0-9-]+)==", platform, re.MULTILINE)) == {
        "azure-functions-runtime",
        "azurefunctions-extensions-base",
    }
    assert platform.count("--hash=sha256:") == 4


def test_the_host_keeps_paths_as_they_are():
    host = json.loads((ROOT / "host.json").read_text())
    assert host["extensions"]["http"]["routePrefix"] == ""
    assert host["telemetryMode"] == "OpenTelemetry"
    assert host["extensions"].keys() == {"http"}


def test_the_example_of_local_settings_is_good_once_a_key_is_chosen(tmp_path, monkeypatch):
    values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    assert values["FUNCTIONS_WORKER_RUNTIME"] == "python"
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    from function_app.startup import FunctionSettings, auth_level

    settings = read_settings(FunctionSettings, configuration(tmp_path))
    assert auth_level() == "anonymous"
    assert settings.http.auth.primary_key.get_secret_value().startswith("replace-me")
    assert ENVIRONMENT.keys() & values.keys()


def test_the_function_app_reads_the_file_of_the_command_line(tmp_path):
    from function_app.startup import FunctionSettings
    from weir.settings import Settings

    assert set(Settings.model_fields) <= {*FunctionSettings.model_fields, *FunctionSettings.elsewhere}
    path = configuration(tmp_path)
    path.write_text(path.read_text() + yaml.safe_dump({"stream": {"left": "unread"}}))
    assert isinstance(read_settings(FunctionSettings, path), FileSettings)
