import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from seisproc.interpretation.timeline import MOST_WORKERS, Timeline, stamp, timeline, worker_name
from seisproc.report.timeline_picture import plot_timeline

STEPS = st.lists(
    st.builds(
        lambda worker, start, length: {
            "worker": worker, "started": start, "ended": start + length,
            "seconds": {"infer": length},
        },
        st.sampled_from(["a", "b", "c"]),
        st.floats(0, 1e4), st.floats(0.01, 1e3),
    ),
    max_size=30,
)


def time_of(steps):
    """Seconds in which any of the steps is under way: from moment to moment."""
    moments = sorted({each[end] for each in steps for end in ("started", "ended")})
    return sum(
        after - before for before, after in itertools.pairwise(moments)
        if any(each["started"] <= before and after <= each["ended"] for each in steps)
    )


@given(STEPS)
def test_bars_cover_every_step_and_nothing_is_lost(steps):
    told = timeline(steps)
    assert sum(each.steps for each in told.workers.values()) == len(steps)
    first = min((each["started"] for each in steps), default=0.0)
    for each in steps:
        start, stop = each["started"] - first, each["ended"] - first
        busy = told.workers[each["worker"]].busy
        assert any(a <= start + 1e-6 and stop <= b + 1e-6 for a, b in busy)
    for worker in told.workers.values():
        assert all(before[1] < after[0] for before, after in zip(worker.busy, worker.busy[1:],
                                                                  strict=False))
    spent = sum(time_of([each for each in steps if each["worker"] == name]) for name in "abc")
    assert abs(told.worker_hours * 3600 - spent) < 1e-6 * max(1, spent)


def test_many_workers_are_added_up():
    steps = [
        {"worker": f"w{n}", "started": 0.0, "ended": 1000.0 - n, "seconds": {"infer": 1.0}}
        for n in range(MOST_WORKERS + 5)
    ]
    told = timeline(steps)
    assert len(told.workers) == MOST_WORKERS + 1
    others = told.workers["and 5 others"]
    assert others.steps == 5
    assert others.seconds["infer"] == 5
    assert json.loads(json.dumps(told.to_json())) == Timeline.from_json(told.to_json()).to_json()


def test_a_stamp_names_this_process():
    told = timeline([stamp(0.0, {"infer": 0.5}), {"seconds": {"infer": 1.0}}])
    assert list(told.workers) == [worker_name()]


def test_a_picture_of_none_and_of_many():
    assert plot_timeline(timeline([])).axes
    steps = [
        {"worker": f"tcp://10.0.0.{n}:4000", "started": 3.0 * k, "ended": 3.0 * k + 2,
         "seconds": {"load": 0.1, "read": 0.2, "infer": 1.5, "blend": 0.1, "write": 0.1}}
        for n in range(40) for k in range(6)
    ]
    figure = plot_timeline(timeline(steps))
    assert len(figure.axes[0].get_yticklabels()) == 32
