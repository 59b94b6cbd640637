"""The server as a process of its own: `python -m tests.emulators.event_hubs --hub transactions:4`."""

import argparse
import json
import os
import signal
import sys
import threading

from .server import EventHubsServer


def main() -> None:
    """Serve until standard input is closed, or SIGTERM comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.event_hubs", description=__doc__)
    parser.add_argument("--hub", action="append", default=[], help="an event hub and how many partitions it has")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0, the default, takes a free port")
    options = parser.parse_args()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    signal.signal(signal.SIGINT, lambda *_: done.set())
    with EventHubsServer(options.port) as hubs:
        for hub in options.hub:
            name, _, partitions = hub.partition(":")
            hubs.create_hub(name, int(partitions or 4))
        print(json.dumps({"connection_string": hubs.connection_string(), "namespace": hubs.namespace}), flush=True)  # noqa: T201
        threading.Thread(target=_wait_for_the_end, args=(done,), daemon=True).start()
        done.wait()


def _wait_for_the_end(done: threading.Event) -> None:
    # Not through `sys.stdin`, whose lock this thread would still hold when the interpreter ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    done.set()


if __name__ == "__main__":
    main()
