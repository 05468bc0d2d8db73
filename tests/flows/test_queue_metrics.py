"""What Prometheus is told of the runs on a real Prefect server."""

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Crashed, Failed

from flows.queue_metrics import last_night


@flow(name="nightly")
def night() -> None:
    """Stand for a night."""


def test_a_night_that_failed_was_one_and_those_that_crashed_or_were_cancelled_were_none(server):
    with get_client(sync_client=True) as client:
        failed, *_ = (
            client.create_flow_run(night, state=state())
            for state in (Failed, Crashed, Cancelled)
        )
        assert last_night(client) == client.read_flow_run(failed.id).end_time
