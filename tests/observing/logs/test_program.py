"""Every way in which a secret could reach standard error, in a program of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CANARY = "pa55/Word+canary=="
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+) ")


def run(kind: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.observing.logs.program", kind],
        cwd=ROOT,
        env={**os.environ, "WEIR_TEST_PASSWORD": CANARY, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    return done.stderr.decode("utf-8", "surrogateescape")


@pytest.fixture(scope="module", params=["plain", "json"])
def written(request) -> tuple[str, str]:
    return request.param, run(request.param)


def test_no_secret_body_or_card_number(written):
    _, text = written
    for canary in (CANARY, "pa55", "canary", "4111", "body-", "12.5"):
        assert canary not in text.replace("tests.observing", "")


def test_everything_was_told(written):
    _, text = written
    for where in ("caught", "thread", "finaliser", "task", "callback", "main"):
        assert f"LeakyError: {where} [secret]" in text
    for words in (
        "careful with [secret]",
        "key [secret], body [body], card [card number]",
        "note [secret]",
        "does not",
    ):
        assert words in text


def test_no_line_is_forged(written):
    kind, text = written
    assert "forged-line" in text
    for line in text.splitlines():
        if kind == "json":
            assert json.loads(line)["logger"] in {"program", "py.warnings", "uncaught", "asyncio"}
        else:
            assert line.startswith("  ") or LINE.match(line)
            assert not line.startswith("2026-11-20 00:00:00,000")


def test_where_standard_error_knows_ascii_only():
    text = run("plain", PYTHONIOENCODING="ascii:strict", LC_ALL="C")
    assert "LeakyError: main [secret]" in text
    assert "canary" not in text.replace("tests.observing", "")
