"""The programs of the page: two are run against a server, two are read."""

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from function_app.openapi import Subject
from function_app.openapi.snippets import snippets
from function_app.settings import HttpSettings
from models import LocalStore
from scoring import Manifest
from tests.http.openapi.kinds import KINDS
from tests.http.running import KEY, Serving
from tests.scoring.makers import feature, manifest

ADDRESS = "https://scores.example.com"
NASTY = """it's "quoted" \\ $HOME `x` )-' ]] %s {0} ünï\n\ttwo"""


def programs(about: Manifest, address: str = ADDRESS, mode: str = "key") -> dict[str, str]:
    settings = HttpSettings.model_validate({"auth": {"mode": mode}})
    subject = Subject(manifest=about, settings=settings, address=address)
    return {each["label"]: each["source"] for each in snippets(subject)}


def nasty() -> Manifest:
    return manifest(
        feature("it's \u00fc", "string", categories=(NASTY,)),
        feature("x"),
        feature("vip", "bool"),
        feature("n", "int64"),
    )


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def served(payments_server: Serving) -> dict[str, str]:
    """The programs as the server writes them, key and all that they need apart."""
    _, body = payments_server.ask("GET", "/openapi.json")
    operation = json.loads(body)["paths"]["/score"]["post"]
    return {each["label"]: each["source"] for each in operation["x-codeSamples"]}


def answered(server: Serving) -> Any:
    _, body = server.ask("GET", "/openapi.json")
    content = json.loads(body)["paths"]["/score"]["post"]["responses"]["200"]["content"]["application/json"]
    return content["examples"]["records"]["value"]


def test_the_python_program_runs(payments_server: Serving, served: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ask.py").write_text(served["Python"])
    printed = run([sys.executable, "ask.py"], tmp_path, WEIR_KEY=KEY)
    assert ast.literal_eval(printed) == answered(payments_server)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_program_runs(payments_server: Serving, served: dict[str, str], tmp_path: Path) -> None:
    printed = run(["sh", "-c", served["curl"]], tmp_path, WEIR_KEY=KEY)
    assert json.loads(printed) == answered(payments_server)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_without_the_key_the_program_is_told_so(served: dict[str, str], tmp_path: Path) -> None:
    assert json.loads(run(["sh", "-c", served["curl"]], tmp_path, WEIR_KEY=""))["status"] == 401


@pytest.mark.parametrize("kind", [*KINDS, "nasty"])
def test_every_language_says_the_same(kinds_store: Path, kind: str) -> None:
    about = nasty() if kind == "nasty" else LocalStore(kinds_store).manifest(kind, 1)
    body = Subject(manifest=about, settings=HttpSettings(), address=ADDRESS).score_bodies()["records"][1]
    written = programs(about)
    assert list(written) == ["curl", "Python", "C#", "R"]
    for source in written.values():
        assert source.count(f"{ADDRESS}/score") == 1
        assert "WEIR_KEY" in source
    words = shlex.split(written["curl"].replace("\\\n", " "))
    assert json.loads(words[words.index("--data-raw") + 1]) == body
    assert _python_body(written["Python"]) == body
    assert json.loads(written["C#"].split('"""')[1]) == body
    assert json.loads(_r_body(written["R"])) == body


def _python_body(source: str) -> Any:
    (call,) = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.dumps"
    ]
    return ast.literal_eval(call.args[0])


def _r_body(source: str) -> str:
    """What R reads between r'---( and the )---' that closes it first."""
    dashes, _, rest = source.partition("r'")[2].partition("(")
    assert set(dashes) == {"-"}
    return rest.partition(f"){dashes}'")[0]


def test_nothing_is_asked_for_where_nobody_need_say_who_they_are() -> None:
    for source in programs(nasty(), mode="none").values():
        assert "WEIR_KEY" not in source
        assert "uthorization" not in source


def test_a_long_body_is_read_from_a_file(tmp_path: Path) -> None:
    written = programs(manifest(feature("cells", "tensor", shape=(100, 100))))
    assert all("body.json" in source and len(source) < 1000 for source in written.values())
    compile(written["Python"], "ask.py", "exec")
