"""How flow runs stand on the Prefect server, for Prometheus.

``python -m flows.queue_metrics FOLDER``: a timer asks every minute and writes
FOLDER/seisproc_queue.prom, which node_exporter shows. The server knows what no run can tell of
itself: what waits, what is late, what crashed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.metrics import Key, Reading, write_samples

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

FILE = "seisproc_queue.prom"
PAGE = 200
"""Most runs that the server tells at a time."""


@dataclass(frozen=True)
class Run:
    """What counts of a flow run.

    Attributes
    ----------
    flow, state, pool : str
    due : datetime, optional
        When it was to begin.
    """

    flow: str
    state: str
    pool: str
    due: datetime | None


def samples(
    runs: Iterable[Run], now: datetime, night: datetime | None = None
) -> dict[Key, float]:
    """Count runs by flow and state, and those that wait by pool.

    >>> now = datetime(2026, 11, 20, 7, tzinfo=UTC)
    >>> late = Run("nightly", "SCHEDULED", "seisproc", now - timedelta(hours=1))
    >>> told = samples([late], now)
    >>> [value for (name, _), value in told.items() if name == "seisproc_queue_oldest_seconds"]
    [3600.0]

    ``night`` is when the last night ended, which may be longer ago than any of the runs.
    """
    counts: Counter[tuple[str, str]] = Counter()
    waiting: dict[str, list[datetime]] = {}
    for run in runs:
        counts[run.flow, run.state.lower()] += 1
        if not run.pool:  # begun by a night or by hand: no worker is to take it
            continue
        waiting.setdefault(run.pool, [])
        if run.state in {"SCHEDULED", "PENDING"} and run.due and run.due <= now:
            waiting[run.pool].append(run.due)
    readings = [
        Reading("seisproc_flow_runs", n, {"flow": flow, "state": state})
        for (flow, state), n in counts.items()
    ]
    if night is not None:
        readings.append(Reading("seisproc_night_ended_timestamp_seconds", night.timestamp(), {}))
    for pool, dues in waiting.items():
        oldest = max(((now - due).total_seconds() for due in dues), default=0.0)
        readings.append(Reading("seisproc_queue_runs", len(dues), {"pool": pool}))
        readings.append(Reading("seisproc_queue_oldest_seconds", oldest, {"pool": pool}))
    return {each.key: each.value for each in readings}


def recent_runs(client: SyncPrefectClient, since: datetime, now: datetime) -> Iterator[Run]:
    """Ask the server for the runs that were due between two times, whatever became of them."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    names: dict[Any, str] = {}
    due = {"expected_start_time": {"after_": since, "before_": now}}
    for offset in range(0, 1_000_000, PAGE):
        page = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(due),
            sort=FlowRunSort.ID_DESC, limit=PAGE, offset=offset,
        )
        for run in page:
            if run.flow_id not in names:
                names[run.flow_id] = client.read_flow(run.flow_id).name
            state = run.state_type.value if run.state_type else "UNKNOWN"
            yield Run(
                names[run.flow_id], state, run.work_pool_name or "",
                run.expected_start_time,
            )
        if len(page) < PAGE:
            return


def last_night(client: SyncPrefectClient) -> datetime | None:
    """Ask when a night ended last, however long ago; None where none has.

    One with surveys that failed has ended Failed, and was a night all the same. One that crashed or
    was cancelled was none.
    """
    from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}, "end_time": {"is_null_": False}}
    runs = client.read_flow_runs(
        flow_filter=FlowFilter.model_validate({"name": {"any_": ["nightly"]}}),
        flow_run_filter=FlowRunFilter.model_validate(ended),
        sort=FlowRunSort.END_TIME_DESC, limit=1,
    )
    return runs[0].end_time if runs else None


def main() -> None:
    """Write the file once."""
    from prefect.client.orchestration import get_client

    if len(sys.argv) != 2:
        sys.exit("One folder is needed: python -m flows.queue_metrics FOLDER")
    folder = Path(sys.argv[1])
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        told = samples(recent_runs(client, now - timedelta(days=1), now), now, last_night(client))
    folder.mkdir(parents=True, exist_ok=True)
    write_samples(folder / FILE, told)


if __name__ == "__main__":
    main()
