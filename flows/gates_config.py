"""Limits of the quality gates as people write them: in a basin's file, an entry, or a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from flows.config import Form
from seisproc.errors import ConfigError
from seisproc.gates.known import DEFAULT_LIMITS, GATES, Limits, limits_of

COLUMN = "column"
"""The one setting that is no limit."""


class LimitForm(Form):
    """From which value on a gate warns, and holds. Left out: as without it; null: never."""

    warn: float | None = Field(
        default=None, ge=0, allow_inf_nan=False,
        description="Warn where more is measured. Null: never. Left out: the basin's, or the"
        " default.",
    )
    hold: float | None = Field(
        default=None, ge=0, allow_inf_nan=False,
        description="Hold the survey for review where more is measured. Null: never. Left out:"
        " the basin's, or the default.",
    )


def _gate(name: str, description: str) -> Any:
    limit = DEFAULT_LIMITS[name]
    return Field(
        default=LimitForm(warn=limit.warn, hold=limit.hold),
        description=f"{description} Null: neither warns nor holds.",
    )


class GatesForm(Form):
    """Quality gates between the stages of a survey's run; shares are from 0 to 1."""

    no_geometry: LimitForm | None = _gate(
        "no_geometry", "1 where the headers do not say where the traces lie, else 0."
    )
    dead_traces: LimitForm | None = _gate(
        "dead_traces", "Share of the traces that hold one value only."
    )
    nonfinite_samples: LimitForm | None = _gate(
        "nonfinite_samples", "Share of the samples that are no numbers."
    )
    constant_samples: LimitForm | None = _gate(
        "constant_samples",
        "Share of the samples in rows of 16 or more equal ones; silence above and below a trace"
        " does not count.",
    )
    clipped_samples: LimitForm | None = _gate(
        "clipped_samples",
        "Share of the samples that were cut off: at the survey's extremes, or in flat tops.",
    )
    steep_dips: LimitForm | None = _gate(
        "steep_dips",
        "Dip in samples per trace that 2.5 % of the dips exceed; at most 4 along either line.",
    )
    noise: LimitForm | None = _gate(
        "noise", "Root mean square of the noise over that of the signal, in the median block."
    )
    spectrum_drift: LimitForm | None = _gate(
        "spectrum_drift",
        "Distance in dB of the amplitude spectrum from the nearest that a network was trained on.",
    )
    facies_uncertainty: LimitForm | None = _gate(
        "facies_uncertainty", "Mean uncertainty of the facies, from 0 to 1."
    )
    fault_uncertainty: LimitForm | None = _gate(
        "fault_uncertainty", "Mean uncertainty of the faults, from 0 to 1."
    )
    order_violations: LimitForm | None = _gate(
        "order_violations",
        "Share of the changes of facies down the traces where the lower one cannot lie there.",
    )
    largest_facies: LimitForm | None = _gate(
        "largest_facies", "Share of the voxels that the most frequent facies has."
    )
    fault_share: LimitForm | None = _gate(
        "fault_share", "Share of the voxels with a fault probability above 0.5."
    )
    column: list[str] = Field(
        default=[],
        description="Names of the facies from top to bottom, by which their order is judged; those"
        " left out may lie anywhere. Empty: the order in the labels that the network learned from.",
    )

    @field_validator(*GATES)
    @classmethod
    def _is_a_share(cls, form: LimitForm | None, known: ValidationInfo) -> LimitForm | None:
        share = GATES[known.field_name or ""].unit == "%"
        if form is not None and share and max(form.warn or 0, form.hold or 0) > 1:
            raise ValueError("Input should be shares from 0 to 1: 0.05 is 5 %")
        return form


def gates_told(form: GatesForm) -> dict[str, Any]:
    """Return what was said in a form, as plain values: null stays, since it means never.

    >>> gates_told(GatesForm.model_validate({"noise": None, "dead_traces": {"hold": None}}))
    {'dead_traces': {'hold': None}, 'noise': None}
    """
    return form.model_dump(mode="json", exclude_unset=True)


def gate_limits(*told: Mapping[str, Any]) -> Limits:
    """Merge what the basin and the entry say, in this order, into limits for ``judge``.

    Parameters
    ----------
    told : mapping
        From :func:`gates_told`.

    Raises
    ------
    ConfigError
        If together they would hold before they warn.

    >>> gate_limits({"noise": {"warn": 0.5}}, {"column": ["top", "base"]})["noise"]
    Limit(warn=0.5, hold=2.0)
    """
    return limits_of(*({k: v for k, v in values.items() if k != COLUMN} for values in told))


def gate_column(*told: Mapping[str, Any]) -> tuple[str, ...]:
    """Facies from top to bottom, for ``measure_interpretation``: the last one that was said.

    >>> gate_column({"column": ["top", "base"]}, {})
    ('top', 'base')
    """
    said = [tuple(values[COLUMN]) for values in told if values.get(COLUMN)]
    return said[-1] if said else ()


def require_column(column: Sequence[str], cards: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a column with a facies that a network cannot tell: its order could not be judged.

    Parameters
    ----------
    column : sequence of str
        From :func:`gate_column`.
    cards : iterable of mapping
        Cards of the networks that are to run, as plain values; those of faults do not matter.

    Raises
    ------
    ConfigError
        With the names that there are.
    """
    for card in cards:
        if card["target"] != "facies":
            continue
        names = [item["name"] for item in card["classes"]]
        for name in column:
            if name not in names:
                raise ConfigError(
                    f"gates: the column names a facies that {card['name']} cannot tell",
                    found=name, expected=", ".join(names),
                    do="Write `column` in catalog.yaml or the entry as the model's card does",
                )
