"""Batches depend on seed and step alone, and are made ahead."""

import dataclasses
import itertools
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batches import as_batch, made_ahead, training_batches, validation_batches
from models.training import TrainConfig, train_network
from models.training_data import ArrayPatches

CONFIG = TrainConfig(network="deeplabv3plus", target="facies", classes=9, batch_size=4, seed=5)


def patches(count=10, shape=(3, 4)):
    """Each patch and its labels hold the patch's number."""
    label = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, *shape))
    return ArrayPatches(label.astype(np.float32), label)


def noisy(seismic, label, rng):
    return seismic + np.float32(rng.normal()), label


def paste(seismic, label, other_seismic, other_label, rng):
    return np.concatenate([seismic[:1], other_seismic[1:]]), label


@pytest.mark.slow
@settings(deadline=None)  # threads are started; a busy machine takes its time
@given(st.integers(0, 30), st.sampled_from([None, noisy]), st.sampled_from([None, paste]))
def test_batches_depend_on_nothing_but_seed_and_step(first, augment, mix):
    config = dataclasses.replace(CONFIG, batch_size=3)
    whole = itertools.islice(training_batches(config, patches(), augment, mix), first, first + 4)
    later = training_batches(config, patches(), augment, mix, first)
    for one, two in zip(whole, later, strict=False):
        assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])


def test_a_patch_is_mixed_with_the_next_of_its_batch():
    plain, _ = next(training_batches(CONFIG, patches()))
    mixed, _ = next(training_batches(CONFIG, patches(), mix=paste))
    assert plain.shape == mixed.shape == (4, 1, 3, 4)
    assert torch.equal(mixed[:, :, 0], plain[:, :, 0])
    assert torch.equal(mixed[:, :, 1:], plain.roll(-1, 0)[:, :, 1:])


def test_a_patch_that_is_alone_is_not_mixed():
    config = dataclasses.replace(CONFIG, batch_size=1)
    mixed, _ = next(training_batches(config, patches(), mix=paste))
    assert (mixed == mixed[0, 0, 0, 0]).all()


@pytest.mark.parametrize("mix", [None, paste])
def test_parts_of_a_batch_are_what_they_are_among_all(mix):
    whole, _ = next(training_batches(CONFIG, patches(), noisy, mix, 3))
    halves = [next(training_batches(CONFIG, patches(), noisy, mix, 3, part))[0]
              for part in (slice(0, 2), slice(2, 4))]
    assert torch.equal(torch.cat(halves), whole)


def test_patches_with_an_axis_of_inputs_keep_it():
    label = np.zeros((3, 4), np.uint8)
    plain, _ = as_batch([(np.zeros((3, 4), np.float32), label)] * 2)
    several, labels = as_batch([(np.zeros((5, 3, 4), np.float32), label)] * 2)
    assert plain.shape == (2, 1, 3, 4) and several.shape == (2, 5, 3, 4)
    assert labels.shape == (2, 3, 4)


def test_validation_sees_every_patch_once():
    seen = torch.cat([label[:, 0, 0] for _, label in validation_batches(CONFIG, patches())])
    assert seen.tolist() == list(range(10))


def test_what_is_made_ahead_comes_in_its_order_and_no_further_than_asked():
    made = []

    def count():
        for number in range(100):
            made.append(number)
            yield number

    with made_ahead(count(), 3) as items:
        first = list(itertools.islice(items, 5))
    assert first == [0, 1, 2, 3, 4]
    assert len(made) <= 5 + 3 + 1
    with made_ahead(iter("abc"), 2) as items:
        assert list(items) == ["a", "b", "c"]


def test_an_error_comes_where_its_item_would_have_come():
    def two_and_an_error():
        yield from (1, 2)
        raise RuntimeError("no third")

    with made_ahead(two_and_an_error()) as items:
        assert [next(items), next(items)] == [1, 2]
        with pytest.raises(RuntimeError, match="no third"):
            next(items)


def test_the_thread_ends_with_the_body_even_when_that_fails():
    with pytest.raises(ValueError), made_ahead(itertools.count()) as items:
        next(items)
        raise ValueError
    assert "batches" not in {thread.name for thread in threading.enumerate()}


def test_mixing_changes_what_is_learned_and_can_be_repeated(sections, section_arguments):
    config = TrainConfig(
        network="deeplabv3plus", target="facies", arguments=section_arguments, classes=2,
        steps=4, batch_size=4, validate_every=2, device="cpu",
    )
    plain = train_network(config, *sections)
    mixed, again = (train_network(config, *sections, mix=paste) for _ in "ab")
    assert mixed.history[-1].train_loss == again.history[-1].train_loss
    assert mixed.history[-1].train_loss != plain.history[-1].train_loss
