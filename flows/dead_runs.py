"""Flow runs whose process died: nobody was left to say so, and the UI shows them as Running.

A night or a basin run holds a lease of its own in the catalogue while it lives, a survey's run the
survey's. Who finds such a lease without a living owner has the runs it belongs to shown as Crashed.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Crashed

from seisproc.catalog.files import find_files
from seisproc.catalog.layout import Layout
from seisproc.errors import BusyError
from seisproc.leases import lease

log = logging.getLogger("seisproc.nightly")

@contextlib.contextmanager
def living_night(layout: Layout) -> Iterator[None]:
    """Say that this night lives while the body runs, and bury those that died."""
    for run in _nights(layout):
        with contextlib.suppress(BusyError), lease(_place(layout, run), "a night"):
            _crash(FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)])))
    with lease(_place(layout, str(flow_run.id)), "a night"):
        yield


def bury(run: str) -> None:
    """Show as Crashed the run of that id, if it seems to go on; whoever asks has its lease."""
    _crash(FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)])))


def _nights(layout: Layout) -> list[str]:
    """Find the other runs that have a lease; a file that somebody left there is none."""
    found = {file.url.split("/")[-2] for file in find_files(layout.folder("nights"))}
    return sorted(name for name in found - {str(flow_run.id)} if _is_run(name))


def _is_run(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _place(layout: Layout, run: str) -> str:
    return f"{layout.folder('nights')}/{run}"


def _crash(those: FlowRunFilter) -> None:
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=those):
            ended = run.state is not None and run.state.is_final()
            if ended or str(run.id) == str(flow_run.id):
                continue
            log.info("%s had died", run.name)
            told = "its process died; another run goes on where it stopped"
            state: State[Any] = Crashed(message=told)
            client.set_flow_run_state(run.id, state, force=True)
