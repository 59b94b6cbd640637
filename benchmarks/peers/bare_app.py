"""The limit: decode, `session.run`, encode, and nothing else. No routes, no keys, no checks, no problem documents."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort

_Row = msgspec.defstruct("_Row", [(f"measurement_{index:02d}", float) for index in range(21)], gc=False)


class _Body(msgspec.Struct):
    data: list[_Row]  # type: ignore[valid-type]


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode

_options = ort.SessionOptions()
_options.intra_op_num_threads = 1
_options.inter_op_num_threads = 1
_session = ort.InferenceSession(
    Path(os.environ["MODEL_DIR"], "model.onnx").read_bytes(), _options, providers=["CPUExecutionProvider"]
)
_input = _session.get_inputs()[0].name


async def app(
    scope: MutableMapping[str, Any],  # noqa: ARG001 - whatever is asked, this is what answers
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer one request."""
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    rows = np.array([msgspec.structs.astuple(row) for row in _decode(body).data], np.float32)
    answer = _encode({"predict_proba": _session.run(["probabilities"], {_input: rows})[0].tolist()})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
