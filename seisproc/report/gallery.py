"""Which pictures a survey, its interpretation, its scores and its models call for."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seisproc.errors import StoreError
from seisproc.interpretation.timeline import Timeline
from seisproc.report import charts, plots
from seisproc.report.canvas import png
from seisproc.report.inventory import bin_size, classes_of, members
from seisproc.report.sections import Cut, axis_label, display_cuts
from seisproc.report.summary import InterpretationSummary
from seisproc.report.tables import FLOOR_WORDS, readable, reliability_bins
from seisproc.report.timeline_picture import plot_timeline
from seisproc.schema import CODES, NONE
from seisproc.survey import Survey


@dataclass(frozen=True)
class Picture:
    """One picture: a slug for its name, the heading it belongs under, its caption, the PNG."""

    name: str
    group: str
    caption: str
    png: bytes

    @property
    def wide(self) -> bool:
        """Whether it is drawn to stand alone across the page."""
        width, height = struct.unpack(">II", self.png[16:24])
        return bool(width > 2 * height)


def draw_pictures(
    survey: Survey, summary: InterpretationSummary | None, labels: str | None = None
) -> tuple[Picture, ...]:
    """Draw everything that a survey and an interpretation have to show.

    Parameters
    ----------
    survey : Survey
    summary : InterpretationSummary or None
        The interpretation; None for amplitude alone.
    labels : str, optional
        Name under ``labels/`` to show beside it.
    """
    truth = _truth(survey, labels)
    mask = survey.read(f"labels/{labels}/labelled") if "labelled" in truth else None
    size = bin_size(survey)
    aspect = None if size is None else size.across / size.along
    cuts = display_cuts(survey, mask, aspect)
    statistics = amplitude_statistics(survey)
    planes = [_Plane(survey, cut) for cut in cuts]
    percentiles = statistics.get("percentiles")
    scale = (
        plots.AmplitudeScale.of(percentiles) if percentiles
        else plots.AmplitudeScale.measured([plane.amplitude[plane.live] for plane in planes])
    )
    drawn: list[Picture] = []
    for plane in planes:
        plane.scale = scale
        drawn += plane.pictures(summary, labels, truth)
    above = Cut(survey.grid, "slice", 0, aspect)
    drawn += _survey_pictures(survey, statistics, planes, above)
    drawn += _maps(survey, summary, above)
    return tuple(drawn)


def score_pictures(
    nested: Mapping[str, Any], classes: Sequence[str], path: tuple[str, ...] = ()
) -> tuple[Picture, ...]:
    """Draw confusion matrices and reliability diagrams wherever they lie in nested scores.

    A confusion matrix is a square list of lists under a name with ``confusion`` in it; a
    reliability is what :func:`seisproc.report.tables.reliability_bins` takes for one.
    """
    found: list[Picture] = []
    for key, value in nested.items():
        where = (*path, str(key))
        slug, title = _slug("-".join(where)), readable(": ".join(where)).capitalize()
        if "confusion" in key and _is_matrix(value):
            named = len(classes) == len(value)
            names = classes if named else tuple(map(str, range(len(value))))
            figure = charts.plot_confusion(value, names, title)
            found.append(_picture(slug, "Scores", title, figure))
        elif isinstance(value, Mapping) and (bins := reliability_bins(value)):
            figure = charts.plot_reliability(*bins, title=title)
            found.append(_picture(slug, "Scores", title, figure))
        elif isinstance(value, Mapping) and key.lower() not in FLOOR_WORDS:
            found += score_pictures(value, classes, where)
    return tuple(found)


def card_pictures(number: int, name: str, card: Mapping[str, Any]) -> tuple[Picture, ...]:
    """Draw the training curves of a model card, if it has a history."""
    history = _history(card)
    if not history:
        return ()
    figure = charts.plot_training(history, f"Training of {name}")
    return (_picture(f"training-{number}", "Models", "", figure),)


def _history(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """History of a card, at its top or under ``training``, with nested figures laid flat."""
    training = card.get("training")
    inner = training.get("history") if isinstance(training, Mapping) else None
    entries = card.get("history") or inner or ()
    return [_flat(entry) for entry in entries if isinstance(entry, Mapping)]


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Join the names of nested figures: ``validation: {loss: 1}`` to ``validation loss: 1``."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        inner = value if isinstance(value, Mapping) else {}
        flat |= {f"{key} {name}": item for name, item in inner.items()} or {key: value}
    return flat


class _Plane:
    """The pictures of one plane: they share the amplitude beneath."""

    def __init__(self, survey: Survey, cut: Cut) -> None:
        self.survey, self.cut = survey, cut
        self.scale = plots.AmplitudeScale.of({})
        self.live = cut.read_map(survey.live)
        self.amplitude = cut.read(survey.amplitude)

    def pictures(
        self, summary: InterpretationSummary | None, labels: str | None, truth: set[str]
    ) -> Iterator[Picture]:
        """Amplitude, then each product and beside it the label of the same kind."""
        figure = plots.plot_amplitude(self.cut, self.amplitude, self.live, self.scale)
        yield self._named("amplitude", figure)
        run = None if summary is None else f"interpretation/{summary.run}"
        there = set() if run is None else members(self.survey, run)
        for kind, draw in (("facies", self._facies), ("fault", self._fault)):
            if kind in there:
                yield self._named(kind, draw(f"{run}/{kind}", ""))
            if kind in truth:
                yield self._named(f"{kind}-truth", draw(f"labels/{labels}/{kind}", labels or ""))
        for kind, doubt in ({} if summary is None else summary.uncertainty).items():
            codes = self._read(f"{run}/{kind}_uncertainty")
            top = plots.colour_top(doubt.percentile_99)
            what = f"{kind} uncertainty"
            figure = plots.plot_uncertainty(self.cut, codes, self.live, top, what)
            yield self._named(f"{kind}-uncertainty", figure)

    def _facies(self, path: str, labels: str) -> Figure:
        array = self.survey.array(path)
        what = f"facies, labels “{labels}”" if labels else "facies"
        return plots.plot_facies(
            self.cut, self.amplitude, self.live, self.cut.read(array),
            classes_of(dict(array.attrs)), self.scale, what,
        )

    def _fault(self, path: str, labels: str) -> Figure:
        codes = self._read(path)
        if labels:
            # Labels are 0 and 1, not packed probabilities.
            codes = np.where(codes == NONE, NONE, codes * np.uint8(CODES)).astype(np.uint8)
        what = f"faults, labels “{labels}”" if labels else "fault probability"
        return plots.plot_fault(self.cut, self.amplitude, self.live, codes, self.scale, what)

    def _read(self, path: str) -> NDArray[Any]:
        return self.cut.read(self.survey.array(path))

    def _named(self, what: str, figure: Figure) -> Picture:
        caption = f"{self.cut.title}, {what.replace('-', ' ')}"
        return _picture(f"{self.cut.kind}-{what}", self.cut.title, caption, figure)


def _survey_pictures(
    survey: Survey, statistics: Mapping[str, Any], planes: Sequence[_Plane], above: Cut
) -> Iterator[Picture]:
    group = "Survey"
    figure = plots.plot_live(above, above.read_map(survey.live), [p.cut for p in planes])
    yield _picture("live-traces", group, "Where there are traces", figure)
    yield from _amplitude_pictures(survey, above)
    if statistics.get("histogram"):
        figure = charts.plot_histogram(statistics)
        yield _picture("histogram", group, "Distribution of amplitude", figure)
    section = next((plane for plane in planes if plane.cut.kind != "slice"), None)
    if section is not None and survey.grid.shape[2] > 1:
        traces = section.amplitude.T[section.live[0]]
        step = float(np.diff(section.cut.vertical.values[:2])[0])
        note = f"{section.cut.title}, {len(traces):,} traces, Hann taper"
        figure = charts.plot_spectrum(traces, step, survey.domain, note)
        yield _picture("spectrum", group, "Mean amplitude spectrum", figure)


def _amplitude_pictures(survey: Survey, above: Cut) -> Iterator[Picture]:
    """Draw how strong traces and inlines are, from what the ingest measured."""
    group = "Survey"
    if survey.has("trace_rms") and min(survey.grid.shape[:2]) > 1:
        rms = survey.read("trace_rms")
        if np.isfinite(rms).any():
            values, top = above.read_map(rms), float(np.nanpercentile(rms, 99)) or 1.0
            figure = plots.plot_map(
                above, values, "RMS amplitude", "RMS", top, "Root mean square of each trace"
            )
            yield _picture("map-rms", group, "RMS amplitude of each trace", figure)
    if survey.has("inline_rms") and len(survey.grid.inline) > 1:
        figure = charts.plot_inline_rms(survey.grid.inline, survey.read("inline_rms"))
        yield _picture("inline-rms", group, "RMS amplitude of each inline", figure)


def _maps(
    survey: Survey, summary: InterpretationSummary | None, above: Cut
) -> Iterator[Picture]:
    if summary is None:
        return
    for kind, doubt in summary.uncertainty.items():
        if min(survey.grid.shape[:2]) < 2:
            continue
        top = plots.colour_top(float(np.nanpercentile(doubt.by_trace, 99)))
        title = f"Mean {kind} uncertainty"
        means = above.read_map(doubt.by_trace)
        figure = plots.plot_map(above, means, title, "Mean uncertainty", top)
        yield _picture(f"map-{kind}-uncertainty", "Uncertainty", title, figure)
    if summary.proportions is not None and summary.proportions.any():
        figure = charts.plot_proportions(
            summary.proportions, survey.grid.sample, axis_label(survey.grid, 2), summary.classes
        )
        yield _picture("proportions", "Classes", "Class proportions", figure)


def timeline_picture(told: Timeline) -> Picture:
    """Draw who worked when on an interpretation, and on what."""
    return _picture("workers", "Workers", "Who worked when, and on what", plot_timeline(told))


def _truth(survey: Survey, labels: str | None) -> set[str]:
    if labels is None:
        return set()
    if labels not in survey.groups("labels"):
        raise StoreError(
            f"{survey.url} has no labels {labels!r}",
            expected=", ".join(survey.groups("labels")) or "any labels at all",
            do="Name one of these, or import labels first",
        )
    return members(survey, f"labels/{labels}")


def amplitude_statistics(survey: Survey) -> dict[str, Any]:
    """Statistics as ingest wrote them; empty where a store lacks them."""
    statistics = dict(survey.amplitude.attrs).get("statistics")
    return dict(statistics) if isinstance(statistics, Mapping) else {}


def _picture(name: str, group: str, caption: str, figure: Figure) -> Picture:
    return Picture(name, group, caption, png(figure))


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


def _is_matrix(value: Any) -> bool:
    shape = np.shape(value) if isinstance(value, Sequence) else ()
    return len(shape) == 2 and shape[0] == shape[1] > 1
