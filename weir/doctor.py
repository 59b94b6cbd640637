"""`weir doctor`: check a configuration against what it points to, and say what is wrong in words."""

import asyncio
import logging
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from stream_worker.checks import check_stream
from stream_worker.findings import Finding, counted, guarded, note, ok
from telemetry.logs import Redactor, secrets_in
from weir.checks import check_deployments, check_http, check_port
from weir.settings import Settings, load_settings
from weir.telemetry_checks import check_telemetry

__all__ = ["command"]

_GRACE_S: Final = 5.0  # for what client libraries left behind, once everything is told
_UNHEARD: Final = logging.NullHandler()
_STYLES: Final = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def command(config: Annotated[Path, typer.Option(help="The configuration file.")] = Path("weir.yaml")) -> None:
    """Check a configuration against what it points to: models, brokers, topics, hubs, keys, ports, telemetry.

    It takes no part in anything: it joins no group, writes nothing and moves no position, so it may be run beside what
    is running. Exit code 0 where nothing is wrong, and 1 otherwise.

    Example: weir doctor --config weir.yaml
    """
    logging.getLogger().addHandler(_UNHEARD)  # what libraries log of a failure, a finding says
    settings = load_settings(config)
    marks: Counter[str] = Counter()
    timer = threading.Timer(_GRACE_S, lambda: os._exit(int(marks["wrong"] > 0)))
    timer.daemon = True
    try:
        asyncio.run(_tell(config, settings, marks, timer))
    finally:
        timer.cancel()
    raise typer.Exit(int(marks["wrong"] > 0))


async def _tell(config: Path, settings: Settings, marks: "Counter[str]", timer: threading.Timer) -> None:
    console, redactor = Console(highlight=False), Redactor(secrets_in(settings, os.environ), named=False)
    async for finding in _findings(config, settings):
        marks[finding.mark] += 1
        # no finding has a secret, but a library may quote one some day
        words = redactor.text(" ".join(f"{finding.what}: {finding.words}".split()))
        console.print(Text.assemble((f"{finding.mark:<6}", _STYLES[finding.mark]), words), soft_wrap=True)
        console.file.flush()
    told = f"{marks.total()} checked: {marks['wrong']} wrong, {counted(marks['note'], 'note')}"
    console.print(Text(told), soft_wrap=True)
    console.file.flush()
    timer.start()


async def _findings(config: Path, settings: Settings) -> AsyncIterator[Finding]:
    overrides = ", ".join(sorted(name for name in os.environ if name.upper().startswith("WEIR__")))
    yield ok("configuration", f"{config}, with {overrides} of the environment" if overrides else str(config))
    for what, findings in (
        ("deployments", check_deployments(settings)),
        ("http", check_http(settings)),
        ("telemetry", check_telemetry(settings)),
    ):
        async for finding in guarded(what, findings):
            yield finding
    stream = settings.stream
    if stream is None:
        yield note("stream", "there is none: weir worker would not start")
        return
    async for finding in check_stream(stream):
        yield finding
    if stream.health is not None:
        for finding in check_port("health, port", stream.health.host, stream.health.port, "stream.health.port"):
            yield finding
