"""What the demonstration shows while it runs, and at its end."""

import time
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from telemetry import Counters

__all__ = ["Screen", "summary"]

_LINE_EVERY_S = 2.0


class Screen:
    """A live table on a terminal; a line every two seconds elsewhere."""

    def __init__(self, console: Console, counters: Counters, total: int) -> None:
        self._console = console
        self._counters = counters
        self._total = total
        self._live = Live(console=console, transient=True) if console.is_terminal else None
        self._rate = 0.0
        self._last = (time.monotonic(), 0)
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def refresh(self) -> None:
        """Show how far it is."""
        now = time.monotonic()
        since, events = self._last
        if now - since >= 0.5:  # noqa: PLR2004 - half a second of events is a steady figure
            self._rate = (self._counters.events - events) / (now - since)
            self._last = (now, self._counters.events)
        if self._live is not None:
            self._live.update(self._table())
        elif now - self._last_line >= _LINE_EVERY_S and self._counters.events:
            self._last_line = now
            self._console.print(f"  {self._counters.events:>9,} of {self._total:,} events, {self._rate:,.0f} a second")

    def _table(self) -> Table:
        counters = self._counters
        table = Table.grid(padding=(0, 2))
        table.add_row(ProgressBar(self._total, counters.events, width=40), f"{counters.events:,} of {self._total:,}")
        for name, value in (
            ("events a second", f"{self._rate:,.0f}"),
            ("events in a batch", f"{counters.events / max(1, counters.batches):,.0f}"),
            ("latency p50 / p99", f"{counters.latency_ms(0.5):.0f} / {counters.latency_ms(0.99):.0f} ms"),
            ("flagged as fraud", f"{counters.positive:,}"),
            ("dead letters", f"{sum(counters.rejected.values()):,}"),
        ):
            table.add_row(name, value)
        return table


def summary(report: Mapping[str, Any]) -> Table:
    """Return the closing table."""
    table = Table(title="what came out, counted by event id from what was read back", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for name in ("events", "predictions", "dead_letters", "lost", "duplicated", "out_of_order"):
        table.add_row(name.replace("_", " "), f"{report[name]:,}")
    table.add_row("events a second, at full speed", f"{report['events_per_second']:,.0f}")
    latency = f"{report['latency_ms_p50']} / {report['latency_ms_p99']} ms"
    table.add_row(f"latency p50 / p99 at {report['steady_rate']:,} a second", latency)
    table.add_row("frauds caught", f"{report['frauds_caught']:,} of {report['frauds']:,}")
    return table
