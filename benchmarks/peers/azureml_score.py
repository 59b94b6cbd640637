"""The scoring script that azureml-inference-server-http is given: joblib's model, records in, probabilities out."""

import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np

_state: dict[str, Any] = {}


def init() -> None:
    """Load the model."""
    _state["model"] = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))


def run(raw_data: str) -> dict[str, list[list[float]]]:
    """Score records; an array of them is quicker than a data frame."""
    rows = np.array([list(record.values()) for record in json.loads(raw_data)["data"]], np.float32)
    return {"predict_proba": _state["model"].predict_proba(rows).tolist()}
