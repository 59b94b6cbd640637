"""The picture of `benchmarks.http`: requests a second by server, at each number of connections."""

from pathlib import Path
from typing import Any

__all__ = ["plot"]

_COLOURS = ("#9ecae1", "#4292c6", "#08519c")
_BAR = 0.26


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw requests a second of single rows, on a logarithmic scale, quickest server first."""
    import matplotlib as mpl  # noqa: PLC0415 - a second that only the end of a run needs

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    connections = ("1", "8", "64")
    servers = sorted(results["servers"].values(), key=lambda server: server["single_row"]["64"]["rate"])
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.85 * len(servers)), layout="constrained")
    for place, (count, colour) in enumerate(zip(connections, _COLOURS, strict=True)):
        heights = [row + (1 - place) * _BAR for row in range(len(servers))]
        rates = [server["single_row"][count]["rate"] for server in servers]
        label = f"{count} connection" + ("s" if count != "1" else "")
        bars = axes.barh(heights, rates, height=_BAR * 0.92, color=colour, label=label)
        axes.bar_label(bars, labels=[f"{rate:,.0f}" for rate in rates], padding=3, fontsize=8, color="#333333")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    every = [server["single_row"][count]["rate"] for server in servers for count in connections] or [1]
    axes.set_xlim(max(1, min(every) / 2), max(every) * 1.6)
    axes.set_yticks(range(len(servers)), [server["title"] for server in servers], fontsize=10)
    for name in axes.get_yticklabels():
        name.set_fontweight("bold" if name.get_text() == "Weir" else "normal")
    axes.set_xlabel("single-row requests a second (logarithmic scale)")
    machine = results["machine"]
    axes.set_title(
        "One model, one process: 200 boosted trees, 21 features\n"
        f"{machine['cores']} cores shared with {machine['load'].split()[0]}, {machine['date']}; "
        "Weir checks a key with each request",
        fontsize=10,
        loc="left",
    )
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    axes.grid(axis="x", which="major", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
