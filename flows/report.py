"""What a survey and its interpretation look like."""

from __future__ import annotations

from prefect import flow

from flows.runs import OPTIONS, run_name
from tasks.report import ReportReceipt, report_survey


@flow(name="report", flow_run_name=run_name("report", "store"), **OPTIONS)
def report(
    store: str,
    output: str,
    run: str | None = None,
    labels: str | None = None,
    overwrite: bool = False,
) -> ReportReceipt:
    """Write the report of a survey: one HTML file that holds everything, pictures included.

    Args:
        store: Survey store to read.
        output: HTML file to write.
        run: Interpretation to show. Empty: the one made last.
        labels: Labels to show beside it.
        overwrite: Replace a file that is already there.
    """
    return report_survey(store, output, run=run, labels=labels, overwrite=overwrite)
