"""What one writes by hand in an afternoon: FastAPI, a body that pydantic checks, joblib's model."""

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from fastapi import FastAPI  # type: ignore[import-not-found]
from pydantic import BaseModel, create_model

_FEATURES = tuple(f"measurement_{index:02d}" for index in range(21))
_Row: Any = create_model("_Row", **dict.fromkeys(_FEATURES, (float, ...)))  # type: ignore[call-overload]


class _Body(BaseModel):
    data: list[_Row]


app = FastAPI()
_model = joblib.load(Path(os.environ["MODEL_DIR"], "model.joblib"))


@app.post("/score")  # type: ignore[untyped-decorator]
async def score(body: _Body) -> dict[str, list[list[float]]]:
    """Score records; in the event loop, since a hand-over to a thread takes longer than one row."""
    rows = np.array([[getattr(row, name) for name in _FEATURES] for row in body.data], np.float32)
    return {"predict_proba": _model.predict_proba(rows).tolist()}
