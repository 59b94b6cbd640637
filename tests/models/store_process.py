"""One process among several at a store: `python -m tests.models.store_process ROOT add NAME COUNT`, and so on."""

import os
import signal
import sys
from pathlib import Path

from models import LocalStore
from tests.models.store_contract import add


def add_many(store: LocalStore, who: str, count: str) -> None:
    """Add versions, and print the number that each got."""
    for number in range(int(count)):
        model = f"{who} {number} ".encode() * 20_000
        added = add(store, model, tags={"who": who, "number": str(number)})
        sys.stdout.write(f"{added.version}\n")


def move_aliases(store: LocalStore, who: str, count: str) -> None:
    """Move an alias of its own, and one that all move."""
    for number in range(int(count)):
        store.set_alias("x", who, number % 2 + 1)
        store.set_alias("x", "shared", number % 2 + 1)


def kill_before(sync: str) -> None:
    """Let this process be killed by SIGKILL in place of its nth call of fsync."""
    real, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == int(sync):
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    os.fsync = fsync


def main() -> None:
    root, what, *rest = sys.argv[1:]
    store = LocalStore(Path(root))
    if what == "add":
        add_many(store, *rest)
    elif what == "alias":
        move_aliases(store, *rest)
    elif what == "crash-add":
        kill_before(rest[0])
        add(store, b"crashed" * 100_000)
    elif what == "crash-alias":
        kill_before(rest[0])
        store.set_alias("x", "champion", 2)


if __name__ == "__main__":
    main()
