import logging
import time

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter

from seisproc.cluster import ClusterSpec, connect, open_cluster


@task
def let_a_worker_speak(address: str) -> None:
    with connect(address) as client:
        say = logging.getLogger("seisproc.test").info
        client.submit(say, "from the worker", pure=False).result(timeout=60)
        time.sleep(1)  # log events travel on their own


@flow
def speak() -> str:
    from prefect.runtime import flow_run

    with open_cluster(ClusterSpec("local", workers=1)) as address:
        let_a_worker_speak(address)
    return str(flow_run.id)


def test_what_dask_workers_log_is_in_the_log_of_the_run(server):
    wanted = LogFilter.model_validate({"flow_run_id": {"any_": [speak()]}})
    with get_client(sync_client=True) as client:
        for _ in range(40):  # Prefect sends logs in batches
            messages = {log.message: log.task_run_id for log in client.read_logs(wanted)}
            if "from the worker" in messages:
                break
            time.sleep(0.25)
    assert messages["from the worker"] is not None  # it belongs to the task's run, too
