"""A secret, a key and a card number, put wherever somebody may put them, come out nowhere but where they were put."""

import json
from pathlib import Path

import pytest
import yaml

from scoring import Event
from tests.cli.configured import configuration
from tests.cli.running import weir
from tests.cli.test_worker import running
from tests.cli.test_worker_telemetry import Stage, payment
from tests.emulators.ingestion import Ingestion, ingestion_server
from tests.http.running import serving

SECRET = "canary-secret-9f3b1c"  # noqa: S105 - it is meant to be found
KEY = "canary-key-of-16-and-more"
CARD = "4111111111111111"
CANARIES = (SECRET, KEY, CARD, "4111 1111 1111 1111", "4111-1111-1111-1111")
LETTERS = ("weir-error-code", "weir-error-reason", "weir-error-field", "weir-source", "weir-model")


@pytest.fixture
def told(monkeypatch) -> Ingestion:
    with ingestion_server() as server:
        more = {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BLRP_SCHEDULE_DELAY": "200"}
        for name, value in (server.azure_monitor | server.collector | more).items():
            monkeypatch.setenv(name, value)
        yield server


def check(what: str, content: bytes) -> None:
    for canary in CANARIES:
        assert canary.encode() not in content, f"{canary} stands in {what}: ...{around(content, canary)}..."


def around(content: bytes, canary: str) -> bytes:
    at = content.index(canary.encode())
    return content[max(0, at - 100) : at + 100]


def check_all(told: Ingestion) -> None:
    assert told.bodies
    for body in told.bodies:
        check("what was sent", body)


def bad_events() -> list[Event]:
    """Events that are refused, each with canaries in another place."""
    headers = (
        ("authorization", f"Bearer {SECRET}".encode()),
        ("card", CARD.encode()),
        ("traceparent", SECRET.encode()),
    )
    values = [
        json.dumps({"id": f"p{CARD}", "amount": SECRET, "count": 1, "country": "de"}),
        json.dumps({"id": "p2", "amount": 1.0, "count": int(CARD), "country": "de"}),
        json.dumps({"id": "p3", "amount": 1.0, "count": 1, "country": SECRET}),
        json.dumps({"id": "p4", "amount": 1.0, "count": 1, "country": CARD}),
        json.dumps({"id": "p5", "amount": float(CARD) * 1e30, "count": 1, "country": "de"}),
        json.dumps({"id": "p6", SECRET: CARD}),
        f'{{"id": "p7", "amount": {SECRET}',
        f"{SECRET}: SharedAccessKey={KEY}; {CARD}",
        json.dumps({"id": SECRET * 50, "amount": 1.0, "count": 1, "country": "de"}),
    ]
    return [Event(value.encode(), SECRET.encode(), headers) for value in values]


def test_a_worker_tells_nobody(apache_kafka, tmp_path, told, monkeypatch):
    monkeypatch.setenv("WEIR__TELEMETRY__COLLECTION__HASH_KEY", KEY)
    collection = {"to": str(tmp_path / "kept"), "share": 1, "sensitive": ["id", "count"]}
    stage = Stage(apache_kafka, tmp_path, collection=collection, logs={"format": "json"})
    bad = bad_events()
    stage.send(*bad, payment(int(CARD), count=7, headers=(("card", CARD.encode()),)), payment(1))
    with running(tmp_path, stage.settings) as worker:
        worker.until(lambda: len(stage.letters()) + len(stage.predictions()) == len(bad) + 2, "scored")
        assert worker.stop() == 0
        check("the log", worker.said.encode())
    assert len(stage.letters()) >= 7
    for letter in stage.letters():
        ours = b" ".join(value for name, value in letter.headers() if name in LETTERS)
        check("a dead letter's headers", ours)
    told.wait(lambda: told.metric("weir.events.rejected"))
    check_all(told)
    parts = list((tmp_path / "kept").rglob("*.parquet"))
    assert parts
    for part in parts:
        check("a collected part", part.read_bytes())


def test_a_worker_that_fails_tells_nobody(tmp_path, told, monkeypatch):
    settings = configuration(tmp_path)
    settings["stream"]["source"]["sasl"] = {"mechanism": "PLAIN", "username": CARD}
    monkeypatch.setenv("WEIR__STREAM__SOURCE__SASL__PASSWORD", SECRET)
    monkeypatch.setenv("WEIR_TRACE", "1")
    with running(tmp_path, settings) as worker:
        assert worker.process.wait(60) == 1
        assert "does not answer" in worker.said
        check("the log", worker.said.encode())
    check_all(told)


def test_a_secret_in_the_wrong_place_of_the_settings_is_not_shown(tmp_path):
    settings = configuration(tmp_path)
    settings["stream"]["source"]["kind"] = f"Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={KEY}"
    (tmp_path / "weir.yaml").write_text(yaml.safe_dump(settings))
    done = weir("worker", cwd=tmp_path, WEIR_TRACE="1")
    assert done.returncode == 2
    check("the error", (done.stdout + done.stderr).encode())


def test_a_server_tells_nobody(fraud_store: Path, tmp_path: Path, told: Ingestion) -> None:
    with serving(tmp_path, fraud_store) as server:
        asked = [
            ("POST", f"/models/{CARD}/score", b"{}", {}),
            ("POST", f"/{SECRET}?key={KEY}", b"{}", {}),
            ("POST", "/models/fraud/predictions", f'[{{"amount": "{SECRET}", "card": {CARD}}}]'.encode(), {}),
            ("POST", "/score", f"{SECRET} {CARD}".encode(), {"x_api_key": KEY, "cookie": SECRET}),
            ("POST", "/score", b"{}", {"authorization": f"Bearer {KEY}"}),
            ("POST", "/score", b"{}", {"host": f"{CARD}.example", "content_type": SECRET}),
        ]
        for method, path, body, headers in asked:
            status, answer = server.ask(method, path, body, **headers)
            assert status < 500
            if path == "/models/fraud/predictions":
                check("a refusal", answer)
        assert server.stop() == 0
        log = "".join(server.log)
    check("the log", log.encode())
    assert len(told.of("RequestData")) == len(asked)
    for body in told.bodies:  # a path is the caller's to write, but for what has a secret's shape
        assert CARD.encode() not in body
        assert KEY.encode() not in body


def test_no_report_shows_a_body(tmp_path, fraud_store):
    lines = [event.value for event in bad_events()]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(line for line in lines if line is not None) + b"\n")
    options = ("--model", "fraud@champion", "--error-threshold", "-1", "--stream", "t")
    (tmp_path / "weir.yaml").write_text(
        yaml.safe_dump({"store": str(fraud_store), "deployments": [{"name": "b", "model": "fraud"}]})
    )
    replayed = weir("replay", "events.jsonl", *options, "--to", "out.jsonl", cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    check("the summary", (replayed.stdout + replayed.stderr).encode())
    drifted = weir("drift", "events.jsonl", "--model", "fraud@champion", "--to", "drift.html", cwd=tmp_path)
    check("what drift says", (drifted.stdout + drifted.stderr).encode())
    if (tmp_path / "drift.html").exists():
        check("drift's page", (tmp_path / "drift.html").read_bytes())
