"""The picture of the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.contenders import CONTENDERS

_COLOURS = ("#c0392b", "#d4a017", "#2471a3", "#7f8c8d", "#6c3483")


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw seconds and memory by events, and seconds by hour."""
    # Text stays text, and the same results give the same file.
    mpl.rcParams |= {"svg.hashsalt": "sessionize", "svg.fonttype": "none", "font.size": 9}
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    speed, memory, hours = figure.subplots(1, 3)
    for contender, colour in zip(CONTENDERS, _COLOURS, strict=True):
        for axes, what, scale in ((speed, "seconds", 1), (memory, "peak", 1e9)):
            points = [
                (int(size) / 1e6, sorted(run[what] for run in done)[len(done) // 2] / scale)
                for size, runs in results["runs"].items()
                if (done := runs.get(contender.name, {}).get("runs"))
            ]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=colour, label=contender.title)
    for axes, title in ((speed, "seconds"), (memory, "peak memory, GB")):
        axes.set(xscale="log", yscale="log", xlabel="million events", title=title)
        ticks = [int(size) / 1e6 for size in results["runs"]]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
    speed.legend(fontsize=8)
    if results.get("hours"):
        hours.plot(results["hours"], color=_COLOURS[0], linewidth=0.8)
        hours.set(xlabel="hours before it", title="seconds an hour", ylim=(0, None))
        hours.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
