"""The histogram of the scores as a picture."""

import io
from collections.abc import Sequence
from importlib import import_module

from stream_worker.replay.histogram import Bar

__all__ = ["draw", "load"]


def load() -> None:
    """Load the library, which takes half a second, while there is something else to wait for."""
    import_module("matplotlib.figure")
    import_module("matplotlib.backends.backend_agg")


def draw(bars: Sequence[Bar], title: str) -> bytes:
    """Return a PNG with the number of predictions for each range of scores, on a logarithmic axis.

    The same bars give the same bytes, as long as matplotlib and its fonts are the same.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    figure = Figure(figsize=(8, 4.5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    if bars:
        widths = [bar.high - bar.low for bar in bars]
        axes.bar([bar.low for bar in bars], [bar.predictions for bar in bars], widths, align="edge", edgecolor="white")
        axes.set_yscale("symlog", linthresh=1)
    axes.set_title(title)
    axes.set_xlabel("score")
    axes.set_ylabel("predictions")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
