"""A survey store and its interpretations as plain values, and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows.describe import Rows, by

if TYPE_CHECKING:
    from seisproc.survey import Survey

FORMATS = (".csv", ".json", ".md")


def holdings(survey: Survey) -> dict[str, Any]:
    """Say what a store holds: axes, bins, labels, interpretations."""
    from seisproc.grid import describe_axes
    from seisproc.report.inventory import bin_size

    size = bin_size(survey) if survey.kind == "3d" else None
    return {
        "store": survey.url,
        "kind": survey.kind,
        "domain": survey.domain,
        "shape": list(survey.lattice.shape),
        "dtype": str(survey.amplitude.dtype),
        "axes": describe_axes(survey.lattice),
        "bin_m": None if size is None else [round(size.across, 3), round(size.along, 3)],
        "live_traces": int(survey.live.sum()),
        "fingerprint": survey.fingerprint,
        "labels": [_labels(survey, name) for name in survey.groups("labels")],
        "interpretations": [_run(survey, name) for name in survey.groups("interpretation")],
    }


def _labels(survey: Survey, name: str) -> dict[str, Any]:
    from seisproc.report.inventory import members

    group = f"labels/{name}"
    volumes = sorted(members(survey, group) & {"facies", "fault"})
    return {"name": name, "volumes": volumes,
            "traces": int(survey.read(f"{group}/labelled").sum())}


def _run(survey: Survey, name: str) -> dict[str, Any]:
    from seisproc.fault_surfaces.build import find_surfaces, is_current
    from seisproc.report.inventory import members
    from seisproc.schema import VARIABLES

    group = f"interpretation/{name}"
    attributes = survey.group_attributes(group)
    volumes = sorted(each for each in members(survey, group)
                     if each in VARIABLES and VARIABLES[each].dims[-1] == "sample")
    networks = (attributes.get("plan") or {}).get("networks", ())
    provenance = attributes.get("provenance")
    made = attributes.get("created") or (provenance or {}).get("created")
    surfaces = find_surfaces(survey, name)
    told = None
    if surfaces is not None:
        told = f"{len(surfaces.surfaces)}"
        told += "" if is_current(survey, name) else " (of an older interpretation)"
    missing = attributes.get("missing", {}) if attributes.get("complete") is False else None
    return {"run": name, "made": made, "missing_regions": missing and missing.get("regions"),
            "worker_hours": attributes.get("timeline", {}).get("worker_hours"),
            "networks": [each["name"] for each in networks],
            "volumes": volumes, "fault_surfaces": told}


def holdings_rows(held: dict[str, Any]) -> Rows:
    """Lay the facts of a store out as lines."""
    axes = held["axes"]
    rows = [("store", held["store"]), ("kind", held["kind"]),
            ("shape", f"{by(tuple(held['shape']))}, {held['dtype']}")]
    for name, axis in axes.items():
        rows.append((held["domain"] if name == "sample" else name,
                     f"{axis['first']:g} to {axis['last']:g}, {axis['count']:,}"))
    if held["bin_m"]:
        across, along = held["bin_m"]
        rows.append(("bins", f"{across:g} m between inlines, {along:g} m between crosslines"))
    rows.append(("live traces", f"{held['live_traces']:,}"))
    if not held["interpretations"]:
        rows.append(("interpreted", "not yet: `seisproc interpret`"))
    return rows


def figures(survey: Survey, run: str, velocity: float | None) -> dict[str, Any]:
    """Add one interpretation up: a row a class, and one of faults.

    Raises
    ------
    IncompleteError
        If it lacks regions.
    """
    from seisproc.report.quantities import class_rows, fault_row
    from seisproc.report.summary import summarise

    survey.require_complete(f"interpretation/{run}")
    summary = summarise(survey, run)
    return {"store": survey.url, "run": run, "classes": class_rows(survey, summary, velocity),
            "fault": fault_row(survey, summary)}


def work_of(survey: Survey, run: str) -> dict[str, Any] | None:
    """Tell who worked on an interpretation, complete or not; None of older ones, which don't say.

    Returns ``worker_hours``, ``seconds`` from the first step to the last, both ``told`` in words
    with where the time went, and rows of ``workers``
    (:func:`seisproc.report.worker_times.worker_rows`).
    """
    from seisproc.report.worker_times import in_words, timeline_of, worker_rows

    told = timeline_of(survey.group_attributes(f"interpretation/{run}"))
    if told is None:
        return None
    return {"worker_hours": told.worker_hours, "seconds": told.span, "told": in_words(told),
            "workers": worker_rows(told)}


def write_figures(found: dict[str, Any], output: str, overwrite: bool) -> None:
    """Write the figures in the format that the file's name asks for.

    Raises
    ------
    ConfigError
        If it asks for none.
    OutputExistsError
        If the file is there and ``overwrite`` is false.
    """
    import json

    from seisproc.errors import ConfigError, OutputExistsError
    from seisproc.places import open_place, require_writable, shown
    from seisproc.records import write_atomic
    from seisproc.report.quantities import rows_csv, rows_markdown

    if not output.endswith(FORMATS):
        raise ConfigError("--output of figures", found=output, expected=" or ".join(FORMATS))
    require_writable(output)
    fs, path = open_place(output)
    if fs.exists(path) and not overwrite:
        raise OutputExistsError(f"{shown(output)} is already there",
                                do="Give --overwrite, or another file")
    if output.endswith(".json"):
        text = json.dumps(found, indent=2) + "\n"
    elif output.endswith(".csv"):
        text = rows_csv(found["classes"] or [found["fault"]])
    else:
        parts = [f"# {found['run']}", rows_markdown(found["classes"])]
        parts += [rows_markdown([found["fault"]])] if found["fault"] else []
        text = "\n\n".join(part for part in parts if part) + "\n"
    write_atomic(output, text.encode())
