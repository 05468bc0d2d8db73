"""The gates that there are: what each measures, in what unit, and its limits unless told otherwise.

Where the limits come from is told in ``docs/gates.md``, with the figures of real surveys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from seisproc.errors import ConfigError


@dataclass(frozen=True)
class Limit:
    """From which value on a gate warns, and holds; None: never.

    Examples
    --------
    >>> Limit(warn=0.02, hold=0.2)
    Limit(warn=0.02, hold=0.2)
    """

    warn: float | None = None
    hold: float | None = None


@dataclass(frozen=True)
class Gate:
    """One thing that is measured and judged.

    Attributes
    ----------
    name : str
        As in measures, limits and the catalogue's files.
    stage : str
        After which stage it is measured: ``ingest`` or ``interpretation``.
    title : str
        For a reader, lower case.
    unit : str
        ``%`` for shares, whose values are from 0 to 1; else the value's own.
    limit : Limit
        Unless a basin or a survey says otherwise.
    do : str
        What to look at where it warns or holds, as an imperative.
    """

    name: str
    stage: str
    title: str
    unit: str
    limit: Limit
    do: str


_GATES = (
    Gate("no_geometry", "ingest", "traces without a place", "%", Limit(0.5, 0.5),
         "Say in its entry where the headers tell the lines (`headers:`); or release it, to keep"
         " plain traces that no network can interpret"),
    Gate("dead_traces", "ingest", "dead traces", "%", Limit(0.05, 0.20),
         "Look at these lines: are traces missing that the source has?"),
    Gate("nonfinite_samples", "ingest", "samples that are no numbers", "%", Limit(0.001, 0.20),
         "Look at these lines, and export the source again"),
    Gate("constant_samples", "ingest", "constant amplitude", "%", Limit(0.005, 0.20),
         "Look at these lines: was a gap filled, or is this no seismic amplitude?"),
    Gate("clipped_samples", "ingest", "clipped amplitude", "%", Limit(0.005, 0.30),
         "Export the source again with a larger scale, or in a wider sample format"),
    Gate("steep_dips", "ingest", "steep dips", "samples per trace", Limit(2.0, 3.5),
         "Look at a section: are the traces in order, and the bins small enough for such dips?"),
    Gate("noise", "ingest", "noise over signal", "", Limit(1.25, 2.0),
         "Look at a section: are the traces in order, and the samples read in the right format?"),
    Gate("spectrum_drift", "ingest", "spectrum far from the training data", "dB",
         Limit(6.5, 10.0),
         "Resample the survey, or train on data that look like it: seisproc match"),
    Gate("facies_uncertainty", "interpretation", "uncertainty of the facies", "",
         Limit(0.4, 0.6), "Look at the lines named, and label sections there"),
    Gate("fault_uncertainty", "interpretation", "uncertainty of the faults", "",
         Limit(0.4, 0.7), "Look at the lines named: noise or chaos may be taken for faults"),
    Gate("order_violations", "interpretation", "facies out of order", "%", Limit(0.05, 0.25),
         "Look at a section, and label some: the network does not know this column"),
    Gate("largest_facies", "interpretation", "one facies nearly everywhere", "%",
         Limit(0.95, 0.999), "Look at a section: does the network tell anything apart here?"),
    Gate("fault_share", "interpretation", "faults nearly everywhere", "%", Limit(0.15, 0.4),
         "Look at a section: noise or chaos may be taken for faults"),
)  # fmt: skip

GATES: Mapping[str, Gate] = MappingProxyType({gate.name: gate for gate in _GATES})
"""All gates by name, in the order in which they are shown."""

Limits = Mapping[str, Limit]

DEFAULT_LIMITS: Limits = MappingProxyType({gate.name: gate.limit for gate in _GATES})
"""What holds for every survey unless its basin or its entry says otherwise."""


def limits_of(*told: Mapping[str, Any]) -> Limits:
    """Merge what a basin, a survey and so on say into all limits; later ones count more.

    Parameters
    ----------
    told : mapping
        Gate -> ``{"warn": ..., "hold": ...}``, either or both; None, for one of them or for the
        whole gate, is never.

    Raises
    ------
    ConfigError
        If a gate is unknown, or it would hold before it warns.

    Examples
    --------
    >>> basin = {"dead_traces": {"hold": 0.5}, "clipped_samples": None}
    >>> found = limits_of(basin, {"dead_traces": {"warn": None}})
    >>> found["dead_traces"], found["clipped_samples"]
    (Limit(warn=None, hold=0.5), Limit(warn=None, hold=None))
    """
    found = dict(DEFAULT_LIMITS)
    for values in told:
        for name, value in values.items():
            if name not in GATES:
                raise ConfigError(f"there is no gate {name!r}", expected=", ".join(GATES))
            asked = {"warn": None, "hold": None} if value is None else value
            if not isinstance(asked, Mapping):
                raise ConfigError(f"gate {name}: no limits", found=str(value),
                                  expected="warn and hold, such as {warn: 0.1, hold: null}")
            odd = sorted(set(asked) - {"warn", "hold"})
            if odd:
                raise ConfigError(f"gate {name}: unknown setting {odd[0]!r}",
                                  expected="warn, hold")
            was = found[name]
            found[name] = Limit(asked.get("warn", was.warn), asked.get("hold", was.hold))
    for name, limit in found.items():
        _require_order(GATES[name], limit)
    return found


def _require_order(gate: Gate, limit: Limit) -> None:
    if limit.warn is None or limit.hold is None:
        return
    if limit.warn > limit.hold:
        raise ConfigError(
            f"gate {gate.name} would hold before it warns",
            found=f"warn {limit.warn:g}, hold {limit.hold:g}",
            expected="warn at most hold",
            do="Set both, or make one of them null: never",
        )
