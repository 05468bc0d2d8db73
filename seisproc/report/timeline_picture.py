"""A picture of who worked when on an interpretation, and where the time went."""

from __future__ import annotations

from matplotlib.figure import Figure

from seisproc.interpretation.timeline import Timeline
from seisproc.report.canvas import INK, WIDE, blank, dress
from seisproc.report.charts import LINES
from seisproc.report.worker_times import KINDS, SHOWN


def plot_timeline(timeline: Timeline) -> Figure:
    """Bars of each worker's busy time above, its seconds by kind of work beside them.

    Parameters
    ----------
    timeline : Timeline
        Of :mod:`seisproc.interpretation.timeline`; its first 32 workers are shown.
    """
    names = list(timeline.workers)[:SHOWN]
    height = max(2.4, 1.5 + 0.22 * len(names))
    left_out = len(timeline.workers) - len(names)
    note = f"{timeline.worker_hours:.3f} worker-hours in {timeline.span:.0f} s"
    note += f"; {left_out} more workers not shown" if left_out > 0 else ""
    figure = blank("Who worked when, and on what", note, size=(WIDE[0], height), left=0.1)
    below, tall = 0.75 / height, 1 - 1.25 / height
    when = figure.add_axes((0.1, below, 0.5, tall))
    what = figure.add_axes((0.64, below, 0.33, tall))
    for row, name in enumerate(names):
        each = timeline.workers[name]
        when.broken_barh(
            [(start, stop - start) for start, stop in each.busy], (row - 0.4, 0.8), color=LINES[0]
        )
        begun = 0.0
        for kind, colour in zip(KINDS, LINES[1:], strict=False):
            seconds = each.seconds.get(kind, 0.0)
            what.barh(row, seconds, left=begun, color=colour, height=0.8,
                      label=kind if row == 0 else None)
            begun += seconds
    when.set_yticks(range(len(names)), [name[-24:] for name in names])
    what.set_yticks([])
    for axes, title in ((when, "Seconds since the first step"), (what, "Seconds of work")):
        axes.set_ylim(max(1, len(names)) - 0.5, -0.5)
        axes.set_xlabel(title, fontsize=9, color=INK)
        dress(axes)
    when.set_xlim(0, max(timeline.span, 1e-3))
    if names:
        what.legend(fontsize=7.5, frameon=False, ncols=5, loc="lower left",
                    bbox_to_anchor=(0, 1.0), borderaxespad=0.1, handlelength=1, columnspacing=1)
    return figure
