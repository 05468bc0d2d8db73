"""Quality gates between the stages of a survey's run: measured, then judged pass, warn or hold.

The whole interface, for flows::

    seen = {card.name: card.training.get("seen")}             # of the networks' bundles
    measures = measure_survey(store_url, client, seen=seen)   # after ingest
    measures = measure_interpretation(store_url, run, client, seen=seen)
    limits = limits_of(basin_gates, entry_gates)              # plain mappings, or nothing: defaults
    verdicts = judge(measures, limits)                        # pure; a tuple of Verdict
    worst(verdicts)                                           # "pass", "warn" or "hold"
    gate_rows(verdicts)                                       # for a table artifact or a terminal
    gate_table(verdicts)                                      # for the report

``measures.to_json()`` travels in a receipt; each :class:`Verdict` has the value, the limit and one
sentence. What cannot be measured is ``not judged``, with the reason, and holds nothing up.
"""

from seisproc.gates.interpretation import measure_interpretation
from seisproc.gates.judge import OUTCOMES, Verdict, judge, worst
from seisproc.gates.known import DEFAULT_LIMITS, GATES, Gate, Limit, Limits, limits_of
from seisproc.gates.measures import Measure, Measures
from seisproc.gates.survey import measure_survey
from seisproc.gates.table import gate_markdown, gate_rows, gate_table

__all__ = [
    "DEFAULT_LIMITS", "GATES", "OUTCOMES", "Gate", "Limit", "Limits", "Measure", "Measures",
    "Verdict", "gate_markdown", "gate_rows", "gate_table", "judge", "limits_of",
    "measure_interpretation", "measure_survey", "worst",
]  # fmt: skip
