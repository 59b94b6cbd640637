"""`weir doctor`: what it prints, and what it says of models, of HTTP and of ports."""

import socket
import subprocess
import sys

import yaml

from models import LocalStore
from scoring import Event
from tests.cli.configured import configuration
from tests.cli.examined import examine
from tests.cli.running import ROOT, weir
from tests.models.graphs import payments, payments_manifest
from tests.stream.kafka import closed_port, send

KEY = "a-key-of-sixteen-or-more"


def test_all_is_well(streaming, broker, tmp_path):
    source, group = streaming["stream"]["source"]["topic"], streaming["stream"]["source"]["group"]
    send(broker.bootstrap_servers, source, [Event(b"{}")] * 5)
    told = examine(tmp_path, streaming)
    assert told.wrong == {}
    assert told.well["configuration"] == "weir.yaml"
    assert told.well["deployment blue"] == "payments:1; its digest and its graph are right; it is certified"
    assert told.well[f"source, broker {broker.bootstrap_servers}"] == "answers"
    assert told.well["source, sign-in"] == "none is set, and none is asked for"
    assert told.well[f"source, topic {source}"].startswith("2 partitions")
    assert told.well[f"sink, topic {streaming['stream']['sink']['topic']}"].startswith("2 partitions")
    assert told.well[f"dead_letters, topic {streaming['stream']['dead_letters']['topic']}"].startswith("2 partitions")
    assert told.well[f"source, positions of {group}"] == (
        "none is committed; it begins with the first of 5 events (stream.source.start)"
    )
    assert "\x1b" not in told.text


class TestModels:
    def wrong(self, folder, settings):
        told = examine(folder, settings)
        assert told.notes["stream"] == "there is none: weir worker would not start"
        return told.wrong["deployment blue"]

    def test_a_store_that_is_not_there(self, alone, tmp_path):
        words = "no model store at elsewhere: the folder does not exist (`weir convert` makes it)"
        assert self.wrong(tmp_path, alone | {"store": "elsewhere"}) == f"{words} (store, deployments.model)"

    def test_an_alias_that_is_not_there(self, alone, tmp_path):
        alone["deployments"][0]["model"] = "payments@champion"
        assert self.wrong(tmp_path, alone) == (
            "model 'payments' has no alias 'champion'; it has none (store, deployments.model)"
        )

    def test_a_model_that_was_tampered_with(self, alone, tmp_path):
        with (tmp_path / "store" / "payments" / "1" / "model.onnx").open("ab") as file:
            file.write(b" ")
        assert self.wrong(tmp_path, alone).startswith("payments:1: model.onnx has the SHA-256 ")

    def test_a_model_without_a_certificate(self, alone, tmp_path):
        LocalStore(tmp_path / "store").add(payments_manifest(certificate=None), payments())
        alone["deployments"][0]["model"] = "payments"
        assert self.wrong(tmp_path, alone).startswith("payments:2 has no certificate: convert it again")
        alone["deployments"][0]["allow_uncertified"] = True
        assert examine(tmp_path, alone).notes["deployment blue"] == (
            "payments is payments:2; its digest and its graph are right; "
            "it has no passed certificate (deployments.allow_uncertified)"
        )

    def test_a_machine_that_lacks_what_the_model_is_to_run_on(self, alone, tmp_path):
        alone["deployments"][0]["providers"] = ["cuda", "cpu"]
        told = examine(tmp_path, alone)
        assert told.well["deployment blue"].startswith("payments:1; ")
        assert "onnxruntime has no CUDAExecutionProvider here" in told.notes["deployment blue"]

    def test_several_deployments(self, streaming, tmp_path):
        green = {"name": "green", "model": "payments", "traffic": 10, "mirror": 5}
        streaming["deployments"] = [streaming["deployments"][0] | {"traffic": 90}, green]
        told = examine(tmp_path, streaming)
        assert told.well["deployments, traffic"] == "blue 90 %, green 10 % and 5 % mirrored"
        assert told.notes["deployments"].startswith("a worker serves one of them")

    def test_the_others_are_checked_all_the_same(self, streaming, tmp_path):
        told = examine(tmp_path, streaming | {"store": "elsewhere"})
        assert list(told.wrong) == ["deployment blue"]
        assert "source, sign-in" in told.well


class TestHttp:
    def test_keys(self, alone, tmp_path):
        told = examine(tmp_path, alone, WEIR__HTTP__AUTH__PRIMARY_KEY=KEY)
        assert told.wrong == {}
        assert told.well["http, auth"] == "mode key: the keys are there"

    def test_no_key(self, alone, streaming, tmp_path):
        words = "the keys in the settings: there is no key to let anybody in with: set WEIR__HTTP__AUTH__PRIMARY_KEY"
        assert examine(tmp_path, alone).wrong["http, auth"].startswith(f"mode key: {words}")
        assert examine(tmp_path, streaming).notes["http, auth"].startswith(f"weir serve would not start: {words}")

    def test_a_key_that_is_too_short(self, streaming, tmp_path):
        told = examine(tmp_path, streaming, WEIR__HTTP__AUTH__PRIMARY_KEY="short-canary")
        assert told.wrong["http, auth"] == (
            "mode key: the keys in the settings: the primary key must have 16 to 1024 characters (http.auth)"
        )
        assert "canary" not in told.text

    def test_nobody_is_asked(self, alone, tmp_path):
        told = examine(tmp_path, alone | {"http": {"auth": {"mode": "none"}}})
        assert told.well["http, auth"] == "mode none: anybody may ask"

    def test_an_issuer_that_does_not_answer(self, alone, tmp_path):
        url = f"http://127.0.0.1:{closed_port()}/keys"
        entra = {"issuer": "https://issuer.example/v2.0", "audience": "api://weir", "jwks_url": url}
        told = examine(tmp_path, alone | {"http": {"auth": {"mode": "entra", "entra": entra}}})
        assert told.wrong == {"http, auth": "mode entra: the issuer's keys could not be fetched yet (http.auth)"}

    def test_a_port_that_is_taken(self, streaming, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            streaming["http"] = streaming["stream"]["health"] = {"port": port}
            told = examine(tmp_path, streaming)
        assert told.wrong == {}
        for what, key in (("http, port", "http.port"), ("health, port", "stream.health.port")):
            assert told.notes[what] == (
                f"127.0.0.1:{port} cannot be listened on now: Address already in use; is it running already? ({key})"
            )


class TestTheCommand:
    def test_a_configuration_that_does_not_load(self, tmp_path):
        (tmp_path / "weir.yaml").write_text("store: [")
        done = weir("doctor", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: weir.yaml is not YAML")

    def test_a_configuration_that_is_not_there(self, tmp_path):
        done = weir("doctor", "--config", "my.yaml", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, "error: no configuration file my.yaml\n")

    def test_what_the_environment_overrides(self, alone, tmp_path):
        told = examine(tmp_path, alone, WEIR__HTTP__AUTH__PRIMARY_KEY=KEY)
        assert told.well["configuration"] == "weir.yaml, with WEIR__HTTP__AUTH__PRIMARY_KEY of the environment"

    def test_each_finding_is_told_as_it_is_found(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings = configuration(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}")
            (tmp_path / "weir.yaml").write_text(yaml.safe_dump(settings))
            command = [sys.executable, "-m", "weir", "doctor", "--config", tmp_path / "weir.yaml"]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout.readline().startswith("ok    configuration: ")
                assert process.poll() is None
                process.kill()
