"""Is the Prefect server fit for the work? It, its clock, its pools, their workers, the nights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from flows.finding import FAILED, OK, WARNING, Finding
from flows.server import named_server, running_server, ui_url
from seisproc.places import shown, without_secrets

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import DeploymentSchedule, WorkPool
    from prefect.client.schemas.responses import DeploymentResponse

NIGHTS = "nightly/nightly"
"""The deployment whose schedule begins the nights."""

MOST_SKEW_S = 3.0
"""Clocks may differ by so much; a server's is told to the second."""

LATEST = timedelta(minutes=3)
"""By then the server has made the next runs of a schedule: it looks once a minute."""

LOOKS = 3
"""How often a clock that differs is looked at."""


def examine_server() -> Iterator[Finding]:
    """Look at the server that the user has named, or find the local one."""
    given = named_server()
    if not given:
        url = running_server()
        found = (
            f"a local one runs: {ui_url(url)}" if url else "none runs; each command starts its own"
        )
        yield Finding("prefect server", OK, found)
        return
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        try:
            clock = _clock(client)
            version = client.api_version()
            pools = client.read_work_pools()
        except Exception as error:
            yield _no_answer(given, error)
            return
        yield _version(shown(given), version)
        yield clock
        if not pools:
            yield Finding("work pool", OK, "none; runs are those of command lines")
        for pool in pools:
            yield _pool(client, pool)
        yield from _nights(client)


def _no_answer(url: str, error: Exception) -> Finding:
    import httpx

    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    told = " ".join(f"{type(error).__name__}: {error}".split())
    found = f"{shown(url)}: {without_secrets(told, url)}"
    if status in {401, 403}:
        do = "Set PREFECT_API_AUTH_STRING to the server's login, NAME:PASSWORD"
        found = f"{shown(url)} answers, but refuses this login (status {status})"
    elif status is not None:
        do = "Set PREFECT_API_URL to the API, by custom http://HOST:4200/api"
        found = f"{shown(url)} answers with status {status}"
    else:
        do = (
            "Start it (infra/bin/server); or unset PREFECT_API_URL, in Prefect's profile too"
            " (PREFECT_PROFILE=ephemeral), to use a local one"
        )
    return Finding("prefect server", FAILED, found, do)


def _version(url: str, theirs: str) -> Finding:
    """Compare the versions: Prefect promises that older clients work with newer servers."""
    import prefect
    from packaging.version import Version

    found = f"{url} answers, Prefect {theirs}"
    mine, other = Version(prefect.__version__), Version(theirs)
    if other.release[:2] < mine.release[:2]:
        return Finding(
            "prefect server", WARNING, f"{found}, older than this machine's {mine}",
            "Update the server first, then its workers",
        )  # fmt: skip
    return Finding("prefect server", OK, found)


def _clock(client: SyncPrefectClient) -> Finding:
    """Compare the server's clock with this machine's: schedules and leases rely on them.

    A server that is busy answers with the time at which it last looked; it is asked again.
    """
    for _ in range(LOOKS):
        asked = datetime.now(UTC)
        answer = client.hello()
        found = _compared(answer.headers.get("date"), asked, datetime.now(UTC))
        if found.state == OK:
            break
    return found


def _compared(told: str | None, asked: datetime, answered: datetime) -> Finding:
    """Compare clocks: what the server tells lies between question and answer where both agree."""
    now = f"{answered:%Y-%m-%d %H:%M:%S} UTC"
    if told is None:  # a proxy may leave it out
        return Finding("clock", OK, f"{now}; the server does not tell its")
    theirs = parsedate_to_datetime(told)
    ahead, behind = (theirs - answered).total_seconds(), (asked - theirs).total_seconds()
    if max(ahead, behind) <= MOST_SKEW_S:
        return Finding("clock", OK, f"{now}, as the server's")
    differs = f"{ahead:.0f} s ahead" if ahead > 0 else f"{behind:.0f} s behind"
    return Finding(
        "clock",
        WARNING,
        f"{now}, the server's {differs}",
        "Let both follow a time server (timedatectl set-ntp true)",
    )


def _pool(client: SyncPrefectClient, pool: WorkPool) -> Finding:
    """Say whether runs of a pool will be taken, and whether some wait too long."""
    name = "work pool"
    workers = client.read_workers_for_work_pool(pool.name)
    online = sorted(each.name for each in workers if each.status.value == "ONLINE")
    late = _late_runs(client, pool.name)
    found = f"{pool.name} ({pool.type}): " + (
        f"workers {', '.join(online)}" if online else "no worker is online"
    )
    if late:
        found += f", {late} runs late"
    if pool.is_paused:
        return Finding(
            name, WARNING, f"{found}, paused", f"prefect work-pool resume {pool.name}"
        )
    if not online:
        return Finding(
            name, WARNING, found,
            "Start one: infra/bin/worker, or systemctl start seisproc-worker",
        )  # fmt: skip
    if late:
        return Finding(
            name, WARNING, found, "Start more workers, or raise SEISPROC_WORKER_LIMIT"
        )
    return Finding(name, OK, found)


def _late_runs(client: SyncPrefectClient, pool: str) -> int:
    from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter

    late: dict[str, Any] = {"state": {"name": {"any_": ["Late"]}}}
    return client.count_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate(late),
        work_pool_filter=WorkPoolFilter.model_validate({"name": {"any_": [pool]}}),
    )


def _nights(client: SyncPrefectClient) -> Iterator[Finding]:
    """Say when nights begin, and whether they do at all; nothing where none are deployed."""
    from prefect.exceptions import ObjectNotFound

    try:
        nights = client.read_deployment_by_name(NIGHTS)
    except ObjectNotFound:
        return
    on = [each for each in nights.schedules if each.active]
    found = ", ".join(map(_when, on or nights.schedules)) or "no schedule"
    if nights.paused:
        yield Finding("nights", WARNING, f"{found}; the deployment is switched off",
                      "Switch it on in the UI, under Deployments")  # fmt: skip
    elif not nights.schedules:
        yield Finding("nights", WARNING, found, "Make one: infra/bin/deploy")
    elif not on:
        do = f"`prefect deployment schedule resume {NIGHTS} {nights.schedules[0].id}`"
        yield Finding("nights", WARNING, f"{found}, switched off", do)
    elif due := _next(client, nights):
        yield Finding("nights", OK, f"{found}; the next {due:%Y-%m-%d %H:%M} UTC")
    elif all(each.updated and datetime.now(UTC) - each.updated < LATEST for each in on):
        yield Finding("nights", OK, f"{found}; the next is made within a minute")
    else:
        yield Finding("nights", WARNING, f"{found}; the server has made no run of it",
                      "See the server's log for errors of schedule_deployments")  # fmt: skip


def _when(schedule: DeploymentSchedule) -> str:
    """Tell a schedule as its owner wrote it, and its time zone."""
    told = schedule.schedule
    rule = next(str(getattr(told, kind)) for kind in ("cron", "interval", "rrule")
                if hasattr(told, kind))
    return f"{rule} {getattr(told, 'timezone', None) or 'UTC'}"


def _next(client: SyncPrefectClient, nights: DeploymentResponse) -> datetime | None:
    """Say when the next run is due; the server makes runs of a schedule within a minute."""
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    waiting: dict[str, Any] = {"state": {"name": {"any_": ["Scheduled"]}}}
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate(waiting),
        deployment_filter=DeploymentFilter.model_validate({"id": {"any_": [nights.id]}}),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=10,
    )
    return next((each.expected_start_time for each in runs if each.auto_scheduled), None)
