"""Have automations that tell people what a night did: what infra/bin/automations runs.

The same again brings them up to date; one that somebody has switched off stays off.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

OURS = "{{ event.resource.name }}: {{ event.payload.why }}"
RUNS = "{{ flow_run.name }}: {{ flow_run.state.name }}: {{ flow_run.state.message }}"

NIGHTLY = ResourceSpecification(
    {"prefect.resource.role": "flow", "prefect.resource.name": "nightly"}
)
"""Runs of the flow, whatever becomes of them: a run that crashes emits no event of its own."""

NIGHTS = ResourceSpecification(
    {"prefect.resource.role": "flow", "prefect.resource.name": ["nightly", "basin"]}
)
"""And those of the flow that has a whole catalogue done at once."""

BAD = {f"prefect.flow-run.{state}" for state in ("Failed", "Crashed", "TimedOut")}
ENDS = BAD | {f"prefect.flow-run.{state}" for state in ("Completed", "Cancelled")}

LONGEST = timedelta(hours=11)
"""A night that begins at 20:00 has ended by 07:00."""

SILENT = timedelta(hours=36)
"""From the end of a quiet night, a minute after 20:00, to 07:00 after the next: 35 hours."""


def automations(block: str) -> list[Automation]:
    """Build all automations; ``block`` is the notification block's id."""

    def tell(name: str, body: str, **trigger: object) -> Automation:
        told = {"posture": Posture.Reactive, "threshold": 1, **trigger}
        send = SendNotification(block_document_id=block, subject=name, body=body)
        return Automation(name=name, trigger=EventTrigger.model_validate(told), actions=[send])

    ended = {"seisproc.night.done", "seisproc.night.failed"}
    return [
        tell("seisproc: a night has failed", RUNS, expect=BAD, match_related=NIGHTS),
        tell("seisproc: a night is done", OURS, expect={"seisproc.night.done"}),
        tell("seisproc: a survey is quarantined", OURS, expect={"seisproc.survey.quarantined"}),
        tell("seisproc: a survey is held for review", OURS, expect={"seisproc.survey.review"}),
        tell("seisproc: a night does not begin", "A night is due and no worker takes it.",
             expect={"prefect.flow-run.Late"}, match_related=NIGHTLY),
        tell("seisproc: a night does not end",
             "A night or a basin has run for 11 hours. Look at its run: does its worker live?",
             posture=Posture.Proactive, within=LONGEST, match_related=NIGHTS,
             after={"prefect.flow-run.Running"}, expect=ENDS,
             for_each={"prefect.resource.id"}),
        tell("seisproc: no night has ended",
             "No night of a catalogue has ended for 36 hours: look at the worker and the schedule.",
             posture=Posture.Proactive, within=SILENT, after=ended, expect=ended,
             for_each={"related:catalog:prefect.resource.id"}),
    ]


def main() -> None:
    """Make or update them on the server."""
    if len(sys.argv) != 2 or "/" not in sys.argv[1]:
        sys.exit("usage: infra/bin/automations TYPE/NAME of a notification block")
    kind, _, name = sys.argv[1].partition("/")
    with get_client(sync_client=True) as client:
        try:
            block = client.read_block_document_by_name(name, kind)
        except ObjectNotFound:
            sys.exit(f"{sys.argv[1]}: the server has no such block; make it in the UI, Blocks:"
                     " a Slack Webhook named NAME is slack-webhook/NAME")
        there = {each.name: each for each in client.read_automations()}
        for automation in automations(str(block.id)):
            known = there.get(automation.name)
            if known is None:
                automation.create()
            else:
                automation.id, automation.enabled = known.id, known.enabled
                automation.update()
            print(f"{automation.name}: {'made' if known is None else 'up to date'}")


if __name__ == "__main__":
    main()
