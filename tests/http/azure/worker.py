"""The Functions worker, played by the code that Azure itself runs, and told what to do on standard input.

Each line in is a JSON object with `do`, each line out its answer:

start     index the function app in the working directory; answers the functions, or `error`
invoke    run functions, all at once; answers a list of responses
loads     how often a model was read from the store so far
modules   the top-level modules that are loaded by now

It runs in the environment of the function app, without the repository or pytest in reach.
"""

import asyncio
import base64
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the app prints must not be taken for an answer
sys.path.insert(0, str(Path.cwd()))

from azure_functions_runtime import functions_metadata_request, start_threadpool_executor, worker_init_request  # noqa: E402,I001
from azure_functions_runtime.bindings.datumdef import Datum  # noqa: E402
from azure_functions_runtime.native_invocation import invocation_request_native  # noqa: E402
from models import LocalStore  # noqa: E402

LOADS: list[str] = []


class Message:
    """Stands in for any of the host's messages: it keeps what it was made of."""

    Failure, Success = 0, 1

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Protocol:
    """Stands in for the host's protocol."""

    BindingInfo = type("BindingInfo", (Message,), {"in": 0, "out": 1, "inout": 2})

    def __getattr__(self, name: str) -> type[Message]:
        return Message


def count_loads(seconds: float) -> None:
    """Count the models that are read, and make each take some time."""
    read = LocalStore.model

    def counted(self: LocalStore, name: str, version: int) -> bytes:
        LOADS.append(f"{name}:{version}")
        time.sleep(seconds)
        return read(self, name, version)

    LocalStore.model = counted  # type: ignore[method-assign]


async def start(load_seconds: float = 0.0) -> dict[str, Any]:
    """Index the function app."""
    count_loads(load_seconds)
    start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(Path.cwd()))
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init), properties={"host": "127.0.0.1", "protos": Protocol()}
    )
    answer = await worker_init_request(request)
    if answer.result.status != Message.Success:
        return {"error": answer.result.exception.message}
    metadata = await functions_metadata_request(request)
    return {
        "functions": {
            function.name: {"id": function.function_id} | json.loads(function.raw_bindings[0])
            for function in metadata.function_metadata_results
        }
    }


async def invoke(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run functions, all at once."""
    return await asyncio.gather(*map(_invoke, requests))


async def _invoke(request: dict[str, Any]) -> dict[str, Any]:
    text = {name: Datum(request[name], "string") for name in ("method", "url")}
    headers = {name: Datum(value, "string") for name, value in request["headers"].items()}
    body = Datum(base64.b64decode(request["body"]), "bytes")
    http = Datum({**text, "headers": headers, "query": {}, "params": {}, "body": body}, "http")
    ok, response, _, error, trace = await invocation_request_native(
        "id", request["function"], [("req", http)], {}, trace_parent=request["trace_parent"]
    )
    if not ok:
        return {"error": error, "trace": trace}
    return {
        "status": int(response.value["status_code"].value),
        "headers": {name.lower(): value.value for name, value in response.value["headers"].items()},
        "body": base64.b64encode(response.value["body"].value).decode(),
    }


async def main() -> None:
    """Do what each line says, until there are no more."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        match asked.pop("do"):
            case "start":
                answer: Any = await start(**asked)
            case "invoke":
                answer = await invoke(**asked)
            case "loads":
                answer = LOADS
            case "modules":
                answer = sorted({name.split(".")[0] for name in sys.modules})
        ANSWERS.write(json.dumps(answer) + "\n")
        ANSWERS.flush()


if __name__ == "__main__":
    asyncio.run(main())
