"""Batches by memory: what the search finds, whoever else uses the device."""

from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.batch_size import MOST, SHARE, largest_batch
from models.errors import PredictionError

TOTAL = 1000


@dataclass
class Device:
    """A GPU of 1000 bytes: what a network and a window take, others take, and cuDNN refuses."""

    network: int = 10
    window: int = 7
    others: int = 0
    refused: int = 2 * MOST
    said: type[RuntimeError] = torch.OutOfMemoryError
    tried: list[int] = field(default_factory=list)

    def need(self, size):
        self.tried.append(size)
        bytes_ = self.network + size * self.window
        if bytes_ > TOTAL - self.others:
            raise self.said("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`.\nSee")
        if size >= self.refused:
            raise RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED.")
        return bytes_

    def found(self):
        taken = self.others > (1 - SHARE) * TOTAL
        return largest_batch(self.need, SHARE * TOTAL, lambda: taken)


@given(network=st.integers(0, 100), window=st.integers(1, 400), others=st.integers(0, 400))
def test_the_largest_power_of_two_within_the_share_is_found(network, window, others):
    device = Device(network, window, others)
    found = device.found()
    assert found & (found - 1) == 0
    assert found == 1 or network + found * window <= SHARE * TOTAL
    assert found == MOST or network + 2 * found * window > SHARE * TOTAL
    assert device.tried == sorted(set(device.tried)) and len(device.tried) <= 7, "none twice"


@given(network=st.integers(0, 100), window=st.integers(1, 60), others=st.integers(0, 770),
       said=st.sampled_from([torch.OutOfMemoryError, RuntimeError]))
def test_what_others_take_changes_no_plan(network, window, others, said):
    assert Device(network, window, others, said=said).found() == Device(network, window).found()


def test_a_batch_that_the_libraries_refuse_is_too_large():
    assert Device(refused=16).found() == 8
    with pytest.raises(PredictionError, match="cannot run a single window.*CUDNN_STATUS"):
        Device(refused=1).found()


def test_without_room_for_a_try_it_is_said_why():
    with pytest.raises(PredictionError, match=r"taken by others; found: room for 1 windows now"):
        Device(window=50, others=920).found()
    with pytest.raises(PredictionError, match="a single window does not fit"):
        Device(window=2000).found()
