"""A column reads what it is asked for, each sample once, and the next step while others compute."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from seisproc.interpretation import column as column_of
from seisproc.interpretation.column import Column
from seisproc.interpretation.regions import Area
from seisproc.normalise import unit_rms

SHAPE, CHUNKS = (12, 10, 50), (4, 4, 5)
AREAS = (Area(1, 9, 2, 10), Area(9, 12, 0, 3))
STATISTICS = {"mean": 0.5, "std": 2.0}


class Amplitude:
    """A volume in memory that notes what is read, and fails or hangs where it is told to."""

    def __init__(self):
        self.values = np.random.default_rng(3).standard_normal(SHAPE).astype("float32")
        self.shape, self.chunks = SHAPE, CHUNKS
        self.read = np.zeros(SHAPE, int)
        self.torn, self.late, self.gate = None, SHAPE[2], threading.Event()

    def __getitem__(self, box):
        if box[2].start >= self.late:
            assert self.gate.wait(30)
        if self.torn is not None and box[2].start <= self.torn < box[2].stop:
            raise ValueError("torn")
        self.read[box] += 1
        return self.values[box]


@pytest.fixture
def amplitude(monkeypatch):
    monkeypatch.setattr("seisproc.interpretation.memory.READ_STEP", 10)
    return Amplitude()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def live_of(area):
    return np.random.default_rng(area.size).random(area.shape) < 0.8


def make(amplitude, threads, held):
    live = {area: live_of(area) for area in AREAS}
    return Column(amplitude, live, STATISTICS, held, threads)


def expected(amplitude, area, start, stop):
    of = amplitude.values[area.i_start : area.i_stop, area.j_start : area.j_stop, start:stop]
    return unit_rms(of, live_of(area), STATISTICS)


@pytest.mark.parametrize("bytes_at_once", [1, 2000, 1 << 20])
@pytest.mark.parametrize("held", [30, 50, 12])  # enough, all, and less than is wanted at a time
def test_every_sample_is_read_once_and_is_where_it_belongs(
    amplitude, threads, monkeypatch, held, bytes_at_once
):
    monkeypatch.setattr(column_of, "READ_BYTES", bytes_at_once)
    column = make(amplitude, threads, held)
    for start in range(0, SHAPE[2], 8):
        column.drop(start)
        column.read_to(start + 12)
        assert column.start <= start
        stop = min(start + 12, SHAPE[2])
        for area, values in column.values.items():
            found = values[..., start - column.start : stop - column.start]
            np.testing.assert_array_equal(found, expected(amplitude, area, start, stop))
    of_areas = np.zeros(SHAPE, int)
    for area in AREAS:
        of_areas[area.i_start : area.i_stop, area.j_start : area.j_stop] = 1
    np.testing.assert_array_equal(amplitude.read, of_areas)


def test_the_next_step_is_read_while_nobody_waits_for_it(amplitude, threads):
    amplitude.late = 10
    column = make(amplitude, threads, held=40)
    column.read_to(10)  # though what is read ahead hangs
    assert not amplitude.read[..., 10:].any()
    amplitude.gate.set()
    column._ahead.result()
    assert amplitude.read[..., 10:20].any()
    assert not amplitude.read[..., 20:].any(), "one step ahead, no more"


def test_what_goes_wrong_ahead_is_told_when_it_is_wanted_and_not_before(amplitude, threads):
    amplitude.torn = 15
    column = make(amplitude, threads, held=40)
    column.read_to(10)
    with pytest.raises(ValueError, match="torn"):
        column.read_to(20)
