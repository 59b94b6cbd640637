"""A program that tries every way in which a secret could reach standard error; a test runs it.

Its argument is the log's format; what must not be seen comes as WEIR_TEST_PASSWORD.
"""

import asyncio
import logging
import os
import sys
import threading
import warnings

from telemetry.logs import LogSettings, Redactor, guard_uncaught, secrets_in, set_up_logs

CANARY = os.environ["WEIR_TEST_PASSWORD"]
CARD = "4111 1111 1111 1111"
BODY = '{"customer": "body-canary", "amount": 12.5}'
FORGED = "2026-11-20 00:00:00,000 INFO weir.worker forged-line"
LOG = logging.getLogger("program")


class LeakyError(Exception):
    """Shows more than it should."""


def fail(where: str) -> None:
    try:
        {}[CANARY, CARD]
    except KeyError as error:
        raise LeakyError(f"{where} {CANARY}\n{FORGED}\r\n{BODY} {CARD}") from error


def caught() -> None:
    try:
        fail("caught")
    except LeakyError as error:
        error.add_note(f"note {CANARY}")
        LOG.exception("failed with %s", CANARY, extra={"text": CANARY, "password": "unknown-canary"}, stack_info=True)
        group = ExceptionGroup(CANARY, [error, OSError(5, CANARY)])
        LOG.critical("a group", exc_info=group)


class Finalised:
    def __del__(self) -> None:
        fail("finaliser")


async def in_tasks() -> None:
    task = asyncio.create_task(asyncio.to_thread(fail, "task"), name=f"task {CANARY}")
    await asyncio.wait({task})
    del task
    asyncio.get_running_loop().call_soon(fail, "callback")
    await asyncio.sleep(0)


def main() -> None:
    settings = LogSettings.model_validate({"format": sys.argv[1], "level": "debug"})
    redactor = Redactor(secrets_in(settings, os.environ))
    set_up_logs(settings, service="program", redactor=redactor)
    guard_uncaught(redactor)
    LOG.info("key %s, body %s, card %s, line\n%s", CANARY, BODY, CARD, FORGED)
    LOG.info("Authorization: Bearer unknown-canary and api-key=unknown-canary")
    LOG.info("does not fit %d", CANARY)
    caught()
    warnings.warn(f"careful with {CANARY}\n{FORGED}", stacklevel=1)
    thread = threading.Thread(target=fail, args=("thread",))
    thread.start()
    thread.join()
    Finalised()
    asyncio.run(in_tasks(), debug=True)
    fail("main")


if __name__ == "__main__":
    main()
