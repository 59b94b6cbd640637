"""What goes wrong with `python -m weir worker` on Event Hubs: in words that say what to mend, in a bound, no secret."""

import time

import pytest
import yaml

from models import LocalStore
from tests.cli.running import weir
from tests.models.graphs import payments, payments_manifest
from tests.stream.event_hubs.worlds import nowhere, unique

BOUND_S = 40.0
WRONG = "d3Jvbmc="


@pytest.fixture
def refused(tmp_path, event_hubs, azurite):
    """Run a worker whose settings are right but for what is given, and return the error that it ends with."""
    LocalStore(tmp_path / "store").add(payments_manifest(), payments())
    hubs = {name: event_hubs.create_hub(unique(name), 2) for name in ("tx", "out", "dead")}
    secrets = {
        "WEIR__STREAM__SOURCE__CONNECTION_STRING": event_hubs.connection_string(),
        "WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING": azurite.connection_string,
    }

    def run(source=None, sink=None, **environment):
        checkpoints = {"container": azurite.create_container()}
        reading = {"kind": "event_hubs", "hub": hubs["tx"], "group": "$Default", "checkpoints": checkpoints}
        stream = {
            "source": reading | (source or {}),
            "sink": {"kind": "event_hubs", "hub": hubs["out"]} | (sink or {}),
            "dead_letters": {"kind": "event_hubs", "hub": hubs["dead"]},
            "health": None,
        }
        settings = {
            "store": str(tmp_path / "store"),
            "deployments": [{"name": "blue", "model": "payments:1", "allow_uncertified": True}],
            "stream": stream,
        }
        (tmp_path / "weir.yaml").write_text(yaml.safe_dump(settings))
        variables = {name: value for name, value in (secrets | environment).items() if value is not None}
        started = time.monotonic()
        done = weir("worker", cwd=tmp_path, **variables)
        assert time.monotonic() - started < BOUND_S
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        for secret in (event_hubs.key, azurite.key, WRONG):
            assert secret not in done.stderr
        return [line for line in done.stderr.splitlines() if line.startswith("error: ")][-1].removeprefix("error: ")

    return run


def test_a_wrong_namespace(refused):
    error = refused(WEIR__STREAM__SOURCE__CONNECTION_STRING=nowhere())
    assert error.startswith("dead_letters: Event Hubs at 127.0.0.1:")
    assert "does not answer: " in error


def test_a_hub_that_is_not_there(refused):
    assert refused({"hub": "nowhere"}).endswith(" has no event hub 'nowhere' (source.hub)")


def test_a_hub_for_predictions_that_is_not_there(refused):
    assert refused(sink={"hub": "nowhere"}).endswith(" has no event hub 'nowhere' (sink.hub)")


def test_a_consumer_group_that_is_not_there(refused):
    assert refused({"group": "nobody"}).endswith(" has no consumer group 'nobody' (source.group)")


def test_a_wrong_key(refused, event_hubs):
    wrong = event_hubs.connection_string().replace(event_hubs.key, WRONG)
    error = refused(WEIR__STREAM__SOURCE__CONNECTION_STRING=wrong)
    assert "the sign-in was refused; check the key, or the identity's rights, and this machine's clock" in error


def test_a_clock_that_is_wrong(refused, event_hubs):
    event_hubs.advance_clock(4000)
    assert "and this machine's clock: ExpiredToken" in refused()


def test_a_container_that_is_not_there(refused):
    error = refused({"checkpoints": {"container": "nothing"}})
    assert error == (
        "source: the container of checkpoints, 'nothing' (source.checkpoints): The specified container does not exist"
    )


def test_a_wrong_key_of_the_storage_account(refused, azurite):
    wrong = azurite.connection_string.replace(azurite.key, WRONG)
    error = refused(WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING=wrong)
    assert error.startswith("source: the container of checkpoints, ")
    assert "the sign-in was refused; check the key" in error


def test_a_machine_without_an_identity(refused):
    error = refused(
        {"namespace": "127.0.0.1:1"},
        WEIR__STREAM__SOURCE__CONNECTION_STRING=None,
        IDENTITY_ENDPOINT="http://127.0.0.1:1/token",
        IDENTITY_HEADER="x",
    )
    assert error.startswith("dead_letters: Event Hubs at 127.0.0.1:1 does not answer: ")
