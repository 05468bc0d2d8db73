"""Limits, verdicts and their table."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.gates import (
    DEFAULT_LIMITS,
    GATES,
    Limit,
    Measure,
    Measures,
    gate_markdown,
    gate_rows,
    gate_table,
    judge,
    limits_of,
    worst,
)

NAMES = st.sampled_from(list(GATES))
FIGURES = st.none() | st.floats(0, 1e6)
MEASURES = st.lists(st.builds(Measure, NAMES, FIGURES, st.text(max_size=20), st.text(max_size=5)))
BOUNDS = st.tuples(FIGURES, FIGURES).filter(
    lambda b: None in b or b[0] <= b[1]).map(lambda b: Limit(*b))


@given(MEASURES, st.dictionaries(NAMES, BOUNDS))
def test_every_measure_gets_the_verdict_of_its_limit(measures, limits):
    for measure, verdict in zip(measures, judge(measures, limits), strict=True):
        limit, value = limits.get(measure.name, Limit()), measure.value
        expected = "pass"
        if value is None:
            expected = "not judged"
        elif limit.hold is not None and value > limit.hold:
            expected = "hold"
        elif limit.warn is not None and value > limit.warn:
            expected = "warn"
        assert verdict.outcome == expected
        assert (verdict.name, verdict.value) == (measure.name, value)
        assert GATES[measure.name].title in verdict.sentence


@given(st.sampled_from(list(DEFAULT_LIMITS)), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_larger_value_is_never_better(name, one, other):
    order = ("pass", "warn", "hold")
    low, high = (judge([Measure(name, v)])[0].outcome for v in sorted((one, other)))
    assert order.index(low) <= order.index(high)


@given(MEASURES, MEASURES)
def test_the_worst_of_all_counts(some, others):
    order = ("pass", "warn", "hold")
    both = worst(judge([*some, *others]))
    assert order.index(both) == max(order.index(worst(judge(each))) for each in (some, others))


@given(st.text(), MEASURES, st.text())
def test_measures_travel_as_json(store, items, run):
    one = Measures(store, "ingest", tuple(items), run)
    assert Measures.from_json(one.to_json()) == one


@pytest.mark.parametrize("gate", GATES.values(), ids=lambda gate: gate.name)
def test_every_gate_says_what_it_found_and_what_to_do(gate):
    over = 2 * gate.limit.hold
    [verdict] = judge([Measure(gate.name, over, "something: somewhere")])
    assert verdict.outcome == "hold" and verdict.limit == gate.limit.hold
    assert verdict.sentence.startswith(gate.title)
    assert "found: something: somewhere; expected: at most" in verdict.sentence
    assert verdict.sentence[-1] in ".?" and not verdict.sentence.endswith("?.")
    assert gate.stage in ("ingest", "interpretation")


def test_a_limit_of_none_never_holds():
    limits = limits_of({"dead_traces": {"hold": None}})
    [verdict] = judge([Measure("dead_traces", 1.0)], limits)
    assert verdict.outcome == "warn"
    [verdict] = judge([Measure("dead_traces", 1.0)], limits_of({"dead_traces": None}))
    assert verdict.outcome == "pass" and verdict.limit is None


def test_a_survey_says_more_than_its_basin():
    basin = {"dead_traces": {"warn": 0.1, "hold": 0.5}, "noise": None}
    found = limits_of(basin, {"dead_traces": {"hold": 0.9}})
    assert found["dead_traces"] == Limit(0.1, 0.9)
    assert found["noise"] == Limit() and found["steep_dips"] == DEFAULT_LIMITS["steep_dips"]


@pytest.mark.parametrize(("told", "why"), [
    ({"dead": {"warn": 1}}, "no gate 'dead'"),
    ({"noise": {"warm": 1}}, "unknown setting 'warm'"),
    ({"noise": {"warn": 3.0}}, "would hold before it warns"),
    ({"noise": 3.0}, "gate noise"),
])
def test_limits_that_make_no_sense_are_refused(told, why):
    with pytest.raises(ConfigError, match=why):
        limits_of(told)


def test_the_table_has_the_worst_first():
    verdicts = judge([
        Measure("noise", 0.5), Measure("dead_traces", 0.3, "30 of 100 traces"),
        Measure("spectrum_drift", None, "no card", "net"), Measure("clipped_samples", 0.02),
    ])
    rows = gate_rows(verdicts)
    assert [row["outcome"] for row in rows] == ["hold", "warn", "not judged", "pass"]
    assert rows[0]["value"] == "30 %" and rows[0]["limit"] == "at most 20 %"
    assert rows[2] == {
        "gate": "spectrum far from the training data, net", "outcome": "not judged", "value": "-",
        "limit": "-",
        "why": "spectrum far from the training data for net: not judged, no card",
    }
    assert [name for name, _ in gate_table(verdicts).rows] == [row["gate"] for row in rows]
    lines = gate_markdown(verdicts).splitlines()
    assert len(lines) == 6 and all(line.count(" | ") == 4 for line in lines)


def test_a_measure_of_an_unknown_gate_is_not_judged():
    [verdict] = judge([Measure("sharpness", math.pi)])
    assert verdict.outcome == "not judged" and gate_rows([verdict])[0]["value"] == "3.14"
