"""`weir invoke` gives the same answers from the store and from a running endpoint."""

import json
from pathlib import Path

import pytest

from examples.fraud.events import events
from tests.cli.running import weir
from tests.http.running import KEY, serving


@pytest.fixture
def events_file(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join([*(event.value for event in events(5, malformed=0)), b'{"amount": 1}', b""]))
    return path


def test_store_and_endpoint_answer_alike(events_file: Path, fraud_store: Path, tmp_path: Path) -> None:
    asked = ["invoke", events_file, "--model", "fraud@champion", "--json"]
    stored = weir(*asked, "--store", fraud_store, cwd=tmp_path)
    with serving(tmp_path, fraud_store) as server:
        url = f"http://127.0.0.1:{server.port}"
        posted = weir(*asked, "--url", url, cwd=tmp_path, WEIR_KEY=KEY)
        refused = weir(*asked, "--url", url, cwd=tmp_path, WEIR_KEY="a key that is not the one")
    assert (stored.returncode, posted.returncode) == (1, 1)  # one event was refused
    outcomes = [json.loads(line) for line in stored.stdout.splitlines()]
    assert [json.loads(line) for line in posted.stdout.splitlines()] == outcomes
    assert [outcome.get("code") for outcome in outcomes] == [None] * 5 + ["missing_field"]
    assert "answered 401" in refused.stderr


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("", "empty.jsonl", "has no items"),
        ("{}", "object.json", "is no JSON array"),
        (None, "absent.jsonl", "cannot read"),
    ],
)
def test_a_file_that_cannot_be_asked_with(tmp_path: Path, content: str | None, name: str, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    result = weir("invoke", name, "--model", "fraud", cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
