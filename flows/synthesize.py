"""A survey that never was, with its truth."""

from __future__ import annotations

from prefect import flow

from flows.runs import OPTIONS, run_name
from flows.synthetic_config import SyntheticSurveyConfig
from tasks.synthesize import SyntheticReceipt, write_synthetic_survey


@flow(name="synthesize", flow_run_name=run_name("synthesize", "output"), **OPTIONS)
def synthesize(
    output: str,
    survey: SyntheticSurveyConfig = SyntheticSurveyConfig(),
    overwrite: bool = False,
) -> SyntheticReceipt:
    """Write a synthetic survey as SEG-Y, and its true facies and faults beside it.

    Args:
        output: SEG-Y file to write, X.sgy; the truth goes to X_facies.sgy and X_fault.sgy.
        survey: What to generate; the same settings give the same bytes.
        overwrite: Replace files that are already there.
    """
    return write_synthetic_survey(survey.config(), survey.acquisition(), output, overwrite)
