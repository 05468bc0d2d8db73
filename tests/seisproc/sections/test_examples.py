"""Training examples of sections: the same for the same seed, and blind to their own labels."""

import itertools

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.patches.augment import AugmentConfig
from seisproc.schema import NONE
from seisproc.sections.context import Context
from seisproc.sections.examples import SectionExamples
from seisproc.sections.neighbours import Neighbours

CONTEXT = Context(depth=True, classes=3)


@pytest.fixture
def examples(sections):
    around = Neighbours.of(sections, 3)
    return SectionExamples(sections, CONTEXT, (32, 48), around, AugmentConfig())


def test_example_n_depends_on_the_seed_and_on_n_alone(examples):
    from_start = list(itertools.islice(examples.shuffled(3), 6))
    later = list(itertools.islice(examples.shuffled(3, start=4), 2))
    for one, other in zip(from_start[4:], later, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    other_seed = next(examples.shuffled(4))
    assert (other_seed[0] != from_start[0][0]).any()


def test_windows_have_all_channels_and_their_shape(examples):
    window, label = next(examples.shuffled(0))
    assert window.shape == (len(CONTEXT.inputs), 32, 48) and window.dtype == np.float32
    assert label.shape == (32, 48) and label.dtype == np.uint8


def test_a_section_never_sees_its_own_labels(sections):
    """Other labels of one section change what others are told, and nothing that it is told."""
    import dataclasses

    changed = [dataclasses.replace(sections[0], labels=np.zeros_like(sections[0].labels)),
               *sections[1:]]
    before, after = (
        SectionExamples(given, CONTEXT, (60, 48), Neighbours.of(given, 3))
        for given in (sections, changed)
    )
    told = [[window[2:] for window, _ in each.in_order()] for each in (before, after)]
    np.testing.assert_array_equal(told[0][0], told[1][0])
    assert all((a != b).any() for a, b in zip(told[0][1:], told[1][1:], strict=True))


def test_validation_windows_cover_every_trace_once_or_more_as_they_are(sections):
    examples = SectionExamples(sections[:1], Context(depth=False), (32, 48))
    windows = list(examples.in_order())
    assert len(windows) == len(examples) == 2
    np.testing.assert_array_equal(windows[0][0][0], sections[0].seismic[:32])
    np.testing.assert_array_equal(windows[1][1], sections[0].labels[28:])


def test_windows_of_few_samples_reach_down_to_the_last_one(sections):
    examples = SectionExamples(sections[:1], Context(depth=True), (60, 20))
    windows = list(examples.in_order())
    assert len(windows) == len(examples) == 3
    np.testing.assert_array_equal(windows[-1][0][0], sections[0].seismic[:, 28:])
    np.testing.assert_array_equal(windows[-1][1], sections[0].labels[:, 28:])
    deepest = [window[1].max() for window, _ in itertools.islice(examples.shuffled(0), 40)]
    assert max(deepest) > 0.9 and min(deepest) < 0


def test_what_is_mirrored_has_no_labels(sections):
    examples = SectionExamples(sections[:1], Context(depth=False), (80, 64))
    ((window, label),) = examples.in_order()
    assert (label[60:] == NONE).all() and (label[:, 48:] == NONE).all()
    assert (label[:60, :48] != NONE).all()
    np.testing.assert_array_equal(window[0, 60:, :48], sections[0].seismic[58:38:-1])


def test_seismic_and_labels_move_together(sections):
    """The reflection stays at the top of its layer, however an example is moved."""
    examples = SectionExamples(sections, Context(depth=False), (60, 48), None,
                               AugmentConfig(p_noise=0, p_phase=0, p_spectrum=0, p_polarity=0,
                                             p_drop=0, p_block=0, p_turn=0))
    for window, label in itertools.islice(examples.shuffled(1), 8):
        edge = np.argmax(label >= 1, axis=1)
        near = [window[0, t, max(0, k - 3) : k + 4].max() for t, k in enumerate(edge) if 6 < k < 40]
        assert np.median(near) > 1.0


def test_fingerprint_follows_content(sections):
    around = Neighbours.of(sections, 3)
    marks = {
        SectionExamples(sections, CONTEXT, (32, 48), around).fingerprint,
        SectionExamples(sections[1:], CONTEXT, (32, 48), around).fingerprint,
        SectionExamples(sections, CONTEXT, (32, 48), around.without([sections[2].url])).fingerprint,
        SectionExamples(sections, CONTEXT, (48, 48), around).fingerprint,
    }
    assert len(marks) == 4


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(ConfigError, match="no interpreted section"):
        SectionExamples([], CONTEXT, (32, 48))
