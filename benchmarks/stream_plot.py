"""The stream benchmark as a picture: speed beside the bare loop, where the time goes, and how late answers are."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["plot"]

_OURS, _BARE, _REST = "#0f6e74", "#9aa5ad", "#c9d3d8"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the results of a whole run."""
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    speed, stages, latency = figure.subplots(1, 3)
    throughput, late = results["throughput"], results["latency"]
    _bars(
        speed,
        {"bare loop": throughput["bare_events_per_second"], "weir": throughput["weir_events_per_second"]},
        f"events a second, one process\n({throughput['ratio']:.0%} of the bare loop)",
        "{:,.0f}",
    )
    _bars(stages, throughput["microseconds_per_event"], "microseconds an event, by stage\n(stages overlap)", "{:.1f}")
    _bars(
        latency, late["ms"], f"milliseconds from append to append\nat {late['events_per_second']:,} a second", "{:.0f}"
    )
    machine = results["machine"]
    figure.supxlabel(f"{machine['cores']} cores with the broker on them, {machine['date']}", fontsize=8, color="#555")
    figure.savefig(path, dpi=150)


def _bars(axes: Any, values: dict[str, float], title: str, form: str) -> None:
    colours = [_BARE if name == "bare loop" else _OURS for name in values]
    bars = axes.bar(list(values), list(values.values()), color=colours, width=0.6)
    axes.bar_label(bars, [form.format(value) for value in values.values()], padding=2)
    axes.set_title(title, fontsize=9.5)
    axes.set_yticks([])
    axes.margins(y=0.15)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_REST)
