"""What the core and the models may load, what they offer, and that nothing installed shadows them."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONVERTERS_ONLY = {"sklearn", "skl2onnx", "onnxmltools", "pandas", "pyarrow", "scipy", "pyspark", "joblib", "skops"}
OFFERED = {
    "scoring": [
        "Baseline",
        "Certificate",
        "Dtype",
        "Event",
        "FakeScorer",
        "Feature",
        "Form",
        "Graph",
        "Label",
        "LabelScore",
        "Lineage",
        "Manifest",
        "ModelIdentity",
        "Outcome",
        "Outputs",
        "Pipeline",
        "Position",
        "Prediction",
        "Prepared",
        "Rejected",
        "RejectionCode",
        "Scored",
        "Scorer",
        "Scores",
        "Seen",
        "Task",
        "encode",
        "parse_manifest",
    ],
    "models": [
        "MAX_MODEL_BYTES",
        "MAX_ROWS",
        "Deployment",
        "LocalStore",
        "OnnxScorer",
        "Reference",
        "Store",
        "check_graph",
        "check_traffic",
        "load_pipeline",
        "load_scorer",
        "parse_reference",
        "resolve",
        "run_raw",
    ],
}


def loaded_by(package: str) -> set[str]:
    """The top-level modules in a fresh interpreter after importing a package with all its modules."""
    modules = [f"{package}.{path.stem}" for path in (ROOT / package).glob("*.py") if path.stem != "__init__"]
    program = f"import sys, {', '.join([package, *modules])}; print('\\n'.join(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name.split(".")[0] for name in shown.split()}


def test_the_core_loads_no_session_no_broker_and_no_converter():
    forbidden = CONVERTERS_ONLY | {
        "onnxruntime",
        "onnx",
        "aiokafka",
        "models",
        "converters",
        "stream_worker",
        "telemetry",
    }
    assert not loaded_by("scoring") & forbidden


def test_models_load_no_broker_and_no_converter():
    loaded = loaded_by("models")
    assert "onnxruntime" in loaded
    assert not loaded & (CONVERTERS_ONLY | {"aiokafka", "converters", "stream_worker", "telemetry"})


@pytest.mark.parametrize("package", sorted(OFFERED))
def test_what_a_package_offers(package):
    module = import_module(package)
    assert module.__all__ == OFFERED[package]
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", sorted(OFFERED))
def test_every_module_says_what_it_offers(package):
    for path in (ROOT / package).glob("*.py"):
        name = package if path.stem == "__init__" else f"{package}.{path.stem}"
        module = import_module(name)
        assert module.__doc__, name
        assert all(hasattr(module, offered) for offered in module.__all__), name


@pytest.mark.parametrize(
    "package", ["scoring", "models", "telemetry", "converters", "stream_worker", "weir", "examples"]
)
def test_no_installed_distribution_shadows_a_package(package):
    assert package not in packages_distributions()


@pytest.mark.parametrize("package", ["scoring", "models"])
def test_the_package_that_is_imported_is_this_checkouts(package):
    assert Path(import_module(package).__file__).parent == ROOT / package
