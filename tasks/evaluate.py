"""Scores against labels, with their floors, as a stage."""

from __future__ import annotations

from seisproc.cluster import connect
from seisproc.patches.splits import SplitConfig
from seisproc.report.tables import tables
from seisproc.scoring.evaluate import evaluate
from seisproc.scoring.scores import Scores
from tasks.artifacts import markdown_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("evaluate", hours=24)
def score_interpretation(
    store: str, run: str, labels: str, split: SplitConfig | None, part: str, cluster: str
) -> Scores:
    """Score an interpretation on one part of a survey, and show the scores beside their floors."""
    with connect(cluster) as client, stage_progress("evaluate") as on_progress:
        scores = evaluate(
            store, run, labels, split, part=part, client=client, on_progress=on_progress
        )
    markdown_artifact("scores", store, "Scores and floors", scores_markdown(scores))
    return scores


def scores_markdown(scores: Scores) -> str:
    """Write scores as Markdown tables, a column for the model and one for each floor."""
    lines = [f"{scores.run} against {scores.labels}, part {scores.part}, {scores.traces:,} traces"]
    for table in tables(scores.to_dict()):
        names = [f"{c.name} (floor)" if c.floor else c.name for c in table.columns]
        lines += ["", f"### {table.title}", "", f"| | {' | '.join(names)} |"]
        lines += ["|---" * (len(names) + 1) + "|"]
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in table.rows]
    return "\n".join(lines)
