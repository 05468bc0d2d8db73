"""Limits of the quality gates as people write them."""

import pytest
import yaml

from flows.config import settled
from flows.gates_config import GatesForm, LimitForm, gate_column, gate_limits, gates_told
from seisproc.errors import ConfigError
from seisproc.gates.known import DEFAULT_LIMITS, GATES, Limit


def told(text):
    form = settled(GatesForm, yaml.safe_load(text) or {}, {}, kind="catalogue", flags={},
                   file="catalog.yaml")
    return gates_told(form)


def test_every_gate_has_a_documented_setting_and_its_default():
    assert set(GatesForm.model_fields) == {*GATES, "column"}
    for name, field in GatesForm.model_fields.items():
        assert field.description.endswith(".")
        if name in GATES:
            limit = DEFAULT_LIMITS[name]
            assert field.default == LimitForm(warn=limit.warn, hold=limit.hold)
    assert gate_limits(gates_told(GatesForm())) == DEFAULT_LIMITS


def test_an_entry_says_more_than_the_basin_and_null_is_never():
    basin = told("dead_traces: {hold: 0.5}\nnoise:\nspectrum_drift: {warn: 4, hold: null}")
    entry = told("dead_traces: {warn: 0.4}\nnoise: {warn: 1, hold: 9}\ncolumn: [top, base]")
    found = gate_limits(basin, entry)
    assert found["dead_traces"] == Limit(0.4, 0.5)
    assert found["spectrum_drift"] == Limit(4, None)
    assert found["noise"] == Limit(1, 9)
    assert gate_limits(basin)["noise"] == Limit(None, None)
    assert found["fault_share"] == DEFAULT_LIMITS["fault_share"]
    assert gate_column(basin, entry) == ("top", "base") and gate_column(basin) == ()


@pytest.mark.parametrize(("text", "why"), [
    ("dead: {warn: 1}", "dead"),
    ("noise: {warm: 1}", "noise.warm"),
    ("noise: loud", "noise"),
    ("dead_traces: {hold: 5}", "0.05 is 5 %"),
    ("noise: {hold: -1}", "noise.hold"),
    ("noise: {hold: .nan}", "noise.hold"),
])
def test_what_is_no_limit_is_refused_by_name(text, why):
    with pytest.raises(ConfigError) as caught:
        told(text)
    assert "catalog.yaml" in str(caught.value) and why in str(caught.value)


def test_limits_that_contradict_each_other_together_are_refused():
    with pytest.raises(ConfigError, match="gate noise would hold before it warns"):
        gate_limits(told("noise: {hold: 1.0}"))
