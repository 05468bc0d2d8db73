import logging
import time

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, LogFilter

from seisproc.cluster import ClusterSpec, connect, open_cluster
from tasks.artifacts import dashboard_artifact


@task
def let_a_worker_speak(address: str, store: str) -> None:
    with connect(address) as client:
        say = logging.getLogger("seisproc.test").info
        client.submit(say, "from the worker", pure=False).result(timeout=60)
        dashboard_artifact(store, client)
        time.sleep(1)  # log events travel on their own


@flow
def speak() -> str:
    from prefect.runtime import flow_run

    for name, dashboard in (("f3", None), ("basin", "127.0.0.1:0")):
        with open_cluster(ClusterSpec("local", workers=1, dashboard=dashboard)) as address:
            let_a_worker_speak(address, f"{name}.zarr")
    return str(flow_run.id)


def test_what_dask_workers_log_is_in_the_log_of_the_run_and_the_dashboard_in_its_links(server):
    run = speak()
    wanted = LogFilter.model_validate({"flow_run_id": {"any_": [run]}})
    with get_client(sync_client=True) as client:
        for _ in range(40):  # Prefect sends logs in batches
            messages = {log.message: log.task_run_id for log in client.read_logs(wanted)}
            if "from the worker" in messages:
                break
            time.sleep(0.25)
        this = FlowRunFilter.model_validate({"id": {"any_": [run]}})
        keys = [artifact.key for artifact in client.read_artifacts(flow_run_filter=this)]
    assert messages["from the worker"] is not None  # it belongs to the task's run, too
    assert keys == ["dask-basin"]  # the other cluster showed none
