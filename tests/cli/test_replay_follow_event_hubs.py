"""`weir replay --then-follow` from a Capture to its event hub."""

import json
import signal
import time

import yaml

from scoring import Event, Position
from tests.cli.configured import configuration
from tests.replay.archives import write_capture
from tests.replay.commanded import BOUND_S, begun
from tests.replay.reading import payment
from tests.stream.event_hubs.worlds import SESSION_S, unique

ARCHIVED, LIVE = 600, 900


def test_a_capture_and_then_the_hub(tmp_path, event_hubs, azurite):
    hubs = {name: event_hubs.create_hub(unique(name), 2) for name in ("tx", "out", "dead")}
    events = [
        Event(
            payment(number) if number % 50 else b"{}",
            b"card-%d" % (number % 2),
            (),
            Position(hubs["tx"], number % 2, number // 2),
        )
        for number in range(LIVE)
    ]
    write_capture(tmp_path / "archive", events[:ARCHIVED], codec="deflate")
    settings = configuration(tmp_path)
    checkpoints = {"container": azurite.create_container()}
    reading = {"group": "$Default", "checkpoints": checkpoints, "session_timeout_s": SESSION_S}
    settings["stream"] = {
        "source": {"kind": "event_hubs", "hub": hubs["tx"]} | reading,
        "sink": {"kind": "event_hubs", "hub": hubs["out"]},
        "dead_letters": {"kind": "event_hubs", "hub": hubs["dead"]},
        "health": None,
    }
    (tmp_path / "weir.yaml").write_text(yaml.safe_dump(settings))
    secrets = {
        "WEIR__STREAM__SOURCE__CONNECTION_STRING": event_hubs.connection_string(),
        "WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING": azurite.connection_string,
    }

    def append(some) -> None:
        for event in some:
            event_hubs.append(hubs["tx"], event.position.partition, event.value, key=event.key.decode())

    def answers(name: str):
        return [stored for number in range(2) for stored in event_hubs.events(hubs[name], number)]

    append(events[: ARCHIVED + 100])
    with begun(tmp_path, "archive", "--to-stream", "--then-follow", **secrets) as process:
        append(events[ARCHIVED + 100 :])
        deadline = time.monotonic() + BOUND_S
        while len(answers("out")) + len(answers("dead")) < LIVE:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        printed, told = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0, told
    assert f"following {hubs['tx']} as $Default, partition 0 from 300, partition 1 from 300\n" in printed
    for key in range(2):  # a key's answers stand in one partition, in the order of its events
        found = [
            json.loads(stored.body)["event_id"] for stored in answers("out") if stored.partition_key == f"card-{key}"
        ]
        assert found == [f"p{number}" for number in range(LIVE) if number % 2 == key and number % 50]
    assert len(answers("dead")) == LIVE // 50
