"""Bars of stages in the Prefect UI: a stage that is done stands at 100 %, whatever it told."""

from __future__ import annotations

import contextlib

import pytest


@pytest.fixture
def bar(server):
    """Run a body as a stage of a flow; its bar as the server keeps it."""
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter

    from tasks.progress import stage_progress

    def run(title, body):
        @flow(name="bar", persist_result=False)
        def shown() -> None:
            with stage_progress(title) as report:
                body(report)

        with contextlib.suppress(OSError):
            shown()
        with get_client(sync_client=True) as client:
            wanted = ArtifactFilter.model_validate({"type": {"any_": ["progress"]}})
            found = client.read_artifacts(artifact_filter=wanted)
        (mine,) = (each for each in found if str(each.description).startswith(title))
        return mine.data, mine.description

    return run


def test_the_bar_of_a_stage_that_tells_nothing_ends_at_its_end(bar):
    assert bar("says nothing", lambda report: None) == (100.0, "says nothing")


def test_the_bar_of_a_stage_that_is_done_early_ends_at_its_end(bar):
    told = bar("stops early", lambda report: report(3, 9, "loss 0.2"))
    assert told == (100.0, "stops early: 3 of 9, loss 0.2")


def test_the_bar_of_a_stage_that_fails_stays_where_it_was(bar):
    def fails(report):
        report(1, 4)
        raise OSError("a full disk")

    assert bar("fails", fails) == (25.0, "fails")
