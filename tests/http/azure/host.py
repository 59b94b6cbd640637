"""The Functions host's part, as far as tests need it: it starts a worker, and sends each request to a function."""

import base64
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Self

from function_app.http import Response
from tests.http.requests_suite import Asked

__all__ = ["FunctionHost"]

_WORKER = Path(__file__).with_name("worker.py")
_ORIGIN = "https://weir.example"


class FunctionHost:
    """A function app in a worker process.

    Attributes:
        functions: what was indexed: by name, the trigger's binding and the function's `id`.
    """

    def __init__(self, python: Path, app: Path, environment: dict[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR", "PYTHON"))}
        self._worker = subprocess.Popen(
            [python, "-P", _WORKER],
            cwd=app,
            env=inherited | {"FUNCTIONS_WORKER_RUNTIME": "python"} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.functions: dict[str, dict[str, Any]] = {}

    def start(self, *, load_seconds: float = 0.0) -> str:
        """Have the functions indexed; return what went wrong, empty when nothing did."""
        answer = self.tell("start", load_seconds=load_seconds)
        self.functions = answer.get("functions", {})
        return answer.get("error", "")

    def function_for(self, target: str) -> str:
        """Return the name of the function that the host would call: of those that fit, the first in the alphabet."""
        path = "/" + target.partition("?")[0].strip("/")
        for name in sorted(self.functions):
            if re.fullmatch(_expression(self.functions[name]["route"]), path):
                return name
        raise LookupError(path)

    def send(self, *asked: Asked, trace_parent: str = "") -> list[Response]:
        """Send requests, all at once, and return the responses in the same order.

        Args:
            asked: the requests.
            trace_parent: the host's own span of them.
        """
        requests = [
            {
                "function": self.functions[self.function_for(one.target)]["id"],
                "method": one.method,
                "url": _ORIGIN + one.target,
                "headers": {"host": "weir.example", **one.headers},
                "body": base64.b64encode(one.body).decode(),
                "trace_parent": trace_parent,
            }
            for one in asked
        ]
        return [_response(answer) for answer in self.tell("invoke", requests=requests)]

    def tell(self, do: str, **arguments: Any) -> Any:
        """Have the worker do something, and return its answer."""
        assert self._worker.stdin
        assert self._worker.stdout
        self._worker.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._worker.stdin.flush()
        line = self._worker.stdout.readline()
        assert line, f"the worker ended: {self._worker.wait()}"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
        self._worker.wait()
        for stream in (self._worker.stdin, self._worker.stdout):
            assert stream
            stream.close()


def _expression(route: str) -> str:
    """Return the regular expression of a route; `{*path}` stands for any number of parts, none among them."""
    return "".join("(/.*)?" if part == "{*path}" else f"/{re.escape(part)}" for part in route.split("/"))


def _response(answer: dict[str, Any]) -> Response:
    assert "error" not in answer, answer
    headers = dict(answer["headers"])
    return Response(answer["status"], base64.b64decode(answer["body"]), headers.pop("content-type"), headers)
