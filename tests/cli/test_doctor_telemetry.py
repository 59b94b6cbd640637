"""What `weir doctor` says of telemetry, and that it sends none."""

import pytest

from tests.cli.examined import examine
from tests.stream.kafka import closed_port

AZURE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
LOST = "events are scored all the same, and what is told of them gets lost"


@pytest.fixture
def local(alone):
    """A configuration that lets anybody in, so that nothing is wrong with it."""
    return alone | {"http": {"auth": {"mode": "none"}}}


class TestBackends:
    def test_none(self, local, tmp_path):
        words = "no backend is named, or OTEL_SDK_DISABLED is true: no spans and no figures are sent"
        for environment in ({}, {OTLP: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}):
            told = examine(tmp_path, local, **environment)
            assert (told.wrong, told.notes["telemetry"]) == ({}, words)

    def test_both_answer_and_nothing_is_sent(self, local, ingestion, tmp_path):
        told = examine(tmp_path, local, **ingestion.azure_monitor, **ingestion.collector)
        assert told.wrong == {}
        assert [each.words for each in told.found if each.what == f"telemetry, backend {ingestion.url}"] == [
            "answers"
        ] * 2
        assert ingestion.asked == 0

    def test_nobody_answers(self, local, tmp_path):
        url = f"http://127.0.0.1:{closed_port()}"
        key = "11111111-2222-3333-4444-555555555555"
        for variable, value in ((OTLP, url), (AZURE, f"InstrumentationKey={key};IngestionEndpoint={url}/")):
            told = examine(tmp_path, local, **{variable: value})
            assert told.wrong == {}
            assert told.notes[f"telemetry, backend {url}"] == f"Connection refused: {LOST} ({variable})"
            assert key not in told.text

    def test_a_host_that_does_not_speak_tls(self, local, ingestion, tmp_path):
        told = examine(tmp_path, local, **{OTLP: f"https://127.0.0.1:{ingestion.port}"})
        words = told.notes[f"telemetry, backend https://127.0.0.1:{ingestion.port}"]
        assert words.startswith("it does not speak TLS as we do: ")

    def test_a_proxy(self, local, tmp_path):
        told = examine(tmp_path, local, **{OTLP: "http://collector.example:4318", "http_proxy": "http://127.0.0.1:9"})
        assert told.notes["telemetry, backend http://collector.example:4318"] == (
            f"is asked through a proxy, and was not connected to ({OTLP})"
        )

    @pytest.mark.parametrize(
        ("variable", "value", "words"),
        [
            (AZURE, "InstrumentationKey=canary", f"{AZURE} of the environment is no connection string; expected "),
            (AZURE, "canary", f"{AZURE} of the environment is no connection string; expected "),
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "grpc",
                "OTEL_EXPORTER_OTLP_PROTOCOL of the environment is 'grpc'; expected ",
            ),
        ],
    )
    def test_what_a_worker_would_fail_on(self, local, tmp_path, variable, value, words):
        told = examine(tmp_path, local, **({OTLP: "http://127.0.0.1:4318"} | {variable: value}))
        assert told.wrong["telemetry"].startswith(words)
        assert "canary" not in told.text

    def test_an_address_that_is_none(self, local, tmp_path):
        told = examine(tmp_path, local, **{OTLP: "collector:4318"})
        assert told.wrong["telemetry, backend"] == f"collector:4318 is no address; expected http://host:port ({OTLP})"


class TestCollection:
    def examined(self, settings, folder, collection, **environment):
        return examine(folder, settings | {"telemetry": {"collection": collection}}, **environment)

    def test_a_folder(self, local, tmp_path):
        told = self.examined(local, tmp_path, {"to": "kept/here", "share": 0.05, "columns": ["amount"]})
        assert told.wrong == {}
        assert told.well["telemetry, collection"] == "0.05 of the predictions go to kept/here"
        assert not (tmp_path / "kept").exists()

    def test_what_is_no_folder(self, local, tmp_path):
        told = self.examined(local, tmp_path, {"to": "weir.yaml/here", "share": 1})
        assert told.wrong["telemetry, collection"].endswith("weir.yaml is no folder (telemetry.collection.to)")

    def test_a_column_that_no_model_knows(self, local, tmp_path):
        told = self.examined(local, tmp_path, {"to": "kept", "share": 1, "columns": ["amuont"]})
        assert told.wrong["telemetry, collection"].startswith(
            "telemetry.collection.columns: 'amuont' is nothing that payments:1 is fed; known are "
        )

    def test_columns_are_not_held_against_models_that_cannot_be_read(self, local, tmp_path):
        told = self.examined(
            local | {"store": "elsewhere"}, tmp_path, {"to": "kept", "share": 1, "columns": ["amount"]}
        )
        assert list(told.wrong) == ["deployment blue"]
        assert told.well["telemetry, collection"] == "1 of the predictions go to kept"

    def test_blobs(self, local, tmp_path):
        settings = {"to": "abfs://kept@account.dfs.core.windows.net/x", "share": 1}
        told = self.examined(local, tmp_path, settings)
        assert "only writing could show" in told.notes["telemetry, collection"]
        told = self.examined(local, tmp_path, settings, WEIR__TELEMETRY__COLLECTION__CONNECTION_STRING="canary-words")
        assert told.wrong["telemetry, collection"].startswith("WEIR__TELEMETRY__COLLECTION__CONNECTION_STRING")
        assert "canary" not in told.text


def test_a_secret_in_a_finding_is_masked(local, tmp_path):
    key = "a-key-of-sixteen-or-more"
    collection = {"to": f"kept-{key}", "share": 1}
    told = examine(
        tmp_path, local | {"telemetry": {"collection": collection}}, WEIR__TELEMETRY__COLLECTION__HASH_KEY=key
    )
    assert told.well["telemetry, collection"] == "1 of the predictions go to kept-[secret]"
    assert key not in told.text
