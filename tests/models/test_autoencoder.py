"""Autoencoders of sections: what they learn, what is drawn from them, and what is kept of them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.autoencoder import STRIDE, Autoencoder, AutoencoderArguments, Encoded
from models.autoencoder_training import AutoencoderConfig, _Run, train_autoencoder
from models.errors import BundleError, ModelError, NetworkError, TrainingError
from models.latent_field import LatentField
from models.learned_texture import (
    LearnedTexture,
    SectionModel,
    read_section_model,
    save_section_model,
)

SMALL = AutoencoderArguments(channels=(8, 8, 16), latent=4)


def waves(count, seed, shape=(32, 32)):
    """Dipping plane waves of one wavelength and random phase: easy to learn, hard to guess."""
    rng = np.random.default_rng(seed)
    dip, phase = rng.uniform(-0.3, 0.3, (2, count, 1, 1)) * [[[[1.0]]], [[[10.0]]]]
    trace, sample = np.meshgrid(*map(np.arange, shape), indexing="ij")
    sections = np.sqrt(2) * np.sin(0.8 * (sample + dip * trace) + phase)
    return sections.astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """A variational model of waves, trained for a few seconds."""
    config = AutoencoderConfig(SMALL, steps=150, batch_size=8, checkpoint_every=150)
    network, _ = train_autoencoder(config, waves(128, 1), waves(16, 2))
    return SectionModel.of(network, waves(64, 3), {"sources": ["waves"]})


@pytest.mark.parametrize("variational", [True, False])
def test_it_learns_to_tell_sections_that_it_has_not_seen(variational):
    arguments = AutoencoderArguments(channels=(8, 8, 16), latent=4, variational=variational)
    config = AutoencoderConfig(arguments, steps=200, batch_size=8, checkpoint_every=100)
    _, history = train_autoencoder(config, waves(128, 1), waves(16, 2))
    assert [report.step for report in history] == [100, 200]
    assert history[-1].explained > 0.6
    assert (history[-1].divergence > 0) == variational


def test_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 2, 2)
    said = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
    prior = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    wanted = torch.distributions.kl_divergence(said, prior).flatten(1).sum(1)
    assert torch.allclose(Encoded(mean, log_variance).divergence(), wanted, rtol=1e-5)


def test_a_run_that_was_broken_off_ends_with_the_same_weights(tmp_path):
    config = AutoencoderConfig(SMALL, steps=40, batch_size=4, checkpoint_every=20)
    whole, _ = train_autoencoder(config, waves(32, 1), waves(8, 2))

    def stop(report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_autoencoder(config, waves(32, 1), waves(8, 2), folder=tmp_path, on_report=stop)
    resumed, history = train_autoencoder(config, waves(32, 1), waves(8, 2), folder=tmp_path)
    assert [report.step for report in history] == [20, 40]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_checkpoint_of_other_sections_is_refused(tmp_path):
    config = AutoencoderConfig(SMALL, steps=2, batch_size=4, checkpoint_every=2)
    train_autoencoder(config, waves(32, 1), waves(8, 2), folder=tmp_path)
    with pytest.raises(TrainingError, match="another configuration or other sections"):
        train_autoencoder(config, waves(32, 5), waves(8, 2), folder=tmp_path)


@pytest.mark.parametrize("shape", [(0, 32, 32), (4, 30, 32), (4, 32)])
def test_sections_that_do_not_fit_are_refused(shape):
    with pytest.raises(TrainingError, match="multiples of 8"):
        train_autoencoder(AutoencoderConfig(SMALL), np.ones(shape, np.float32), waves(8, 2))


def test_arguments_that_cannot_work_are_refused():
    with pytest.raises(NetworkError, match="multiples of 8"):
        AutoencoderArguments(channels=(8, 12, 16))
    with pytest.raises(NetworkError, match=f"multiples of {STRIDE}"):
        Autoencoder(SMALL).encode(torch.zeros(1, 1, 20, 32))


@pytest.mark.parametrize("extent", [(16, 16), (24, 12)])
def test_drawn_maps_vary_like_the_ones_described(extent):
    rng = np.random.default_rng(0)
    field = rng.standard_normal((400, 2, 17, 16))
    field = field[:, :, 1:] + field[:, :, :-1]  # neighbouring traces share half their variance
    field[:, 1] = 0.5 * field[:, 0] + 3.0
    drawn = LatentField.of(field.astype(np.float32))
    maps = np.stack([drawn.draw(extent, rng) for _ in range(100)])
    assert maps.shape == (100, 2, *extent)
    first, second = maps[:, 0], maps[:, 1]
    assert np.isclose(first.std(), np.sqrt(2), rtol=0.05)
    lateral = np.corrcoef(first[:, 1:].ravel(), first[:, :-1].ravel())[0, 1]
    vertical = np.corrcoef(first[:, :, 1:].ravel(), first[:, :, :-1].ravel())[0, 1]
    assert np.isclose(lateral, 0.5, atol=0.07) and abs(vertical) < 0.1
    assert np.allclose(second, 0.5 * first + 3.0, atol=0.05)


def test_a_drawn_section_has_the_waves_length_and_unit_rms(model):
    sections = np.stack([model.draw((32, 40), np.random.default_rng(n)) for n in range(20)])
    assert sections.shape == (20, 32, 40) and sections.dtype == np.float32
    assert np.allclose(np.sqrt(np.mean(sections**2, axis=(1, 2))), 1, atol=1e-3)
    power = np.mean(np.abs(np.fft.rfft(sections, axis=2)) ** 2, axis=(0, 1))
    assert np.argmax(power) == round(0.8 / (2 * np.pi) * 40)
    # Not twice the same, and not what white noise would give.
    assert np.abs(np.corrcoef(sections[0].ravel(), sections[1].ravel())[0, 1]) < 0.9


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), mode=st.sampled_from(["texture", "sample"]),
       traces=st.integers(9, 40), samples=st.integers(9, 40))
def test_labels_dead_traces_and_rms_stay(model, seed, mode, traces, samples):
    rng = np.random.default_rng(seed)
    seismic = rng.standard_normal((traces, samples), dtype=np.float32)
    seismic[:2] = 0
    label = rng.integers(0, 6, seismic.shape).astype(np.uint8)
    before = seismic.copy()
    texture = LearnedTexture(model, mode, chance=1.0, level=1.0)
    made, moved = texture(seismic, label, np.random.default_rng(seed))
    again, _ = texture(seismic, label, np.random.default_rng(seed))
    assert made.dtype == np.float32 and made.shape == seismic.shape
    assert np.array_equal(made, again) and np.array_equal(seismic, before)
    assert moved is label
    assert not made[:2].any() and not np.array_equal(made, seismic)
    assert np.isclose(np.sqrt(np.mean(made**2)), np.sqrt(np.mean(seismic**2)), rtol=1e-3)


def test_no_chance_and_no_level_leave_a_patch_alone(model):
    patch, label = waves(1, 7)[0], np.zeros((32, 32), np.uint8)
    never = LearnedTexture(model, "sample", chance=0.0)
    weak = LearnedTexture(model, "texture", chance=1.0, level=0.0)
    assert np.array_equal(never(patch, label, np.random.default_rng(0))[0], patch)
    assert np.allclose(weak(patch, label, np.random.default_rng(0))[0], patch, atol=1e-6)


def test_wrong_settings_and_blocks_are_refused(model):
    with pytest.raises(ModelError, match="texture, sample"):
        LearnedTexture(model, "magic")
    with pytest.raises(ModelError, match="between 0 and 1"):
        LearnedTexture(model, chance=1.5)
    with pytest.raises(NetworkError, match="2-D patches"):
        LearnedTexture(model)(np.zeros((8, 8, 8), np.float32), np.zeros((8, 8, 8), np.uint8),
                              np.random.default_rng(0))


def test_a_file_gives_the_same_model_again(model, tmp_path):
    path = tmp_path / "waves.safetensors"
    save_section_model(path, model)
    back = read_section_model(path)
    assert back.made_from == {"sources": ["waves"]}
    assert [p.name for p in tmp_path.iterdir()] == ["waves.safetensors"]
    rng = [np.random.default_rng(5) for _ in range(2)]
    assert np.array_equal(model.draw((32, 32), rng[0]), back.draw((32, 32), rng[1]))
    assert np.array_equal(model.retell(waves(1, 9)[0], rng[0]), back.retell(waves(1, 9)[0], rng[1]))


def test_what_is_no_texture_file_is_refused_in_one_line(model, tmp_path):
    path = tmp_path / "waves.safetensors"
    save_section_model(path, model)
    path.write_bytes(path.read_bytes()[:-100])
    (tmp_path / "text.safetensors").write_text("no tensors")
    torch.save({"a": torch.zeros(1)}, tmp_path / "pickle.safetensors")
    for name in ("waves", "text", "pickle", "absent"):
        with pytest.raises(BundleError, match="is no texture file") as caught:
            read_section_model(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)


def test_the_divergence_gains_weight_over_the_first_part_of_a_training():
    """With all of it from the start, maps of noisy sections stay empty for good."""
    sections = waves(8, 0)
    config = AutoencoderConfig(SMALL, steps=40, batch_size=4, threads=1)
    run = _Run(config, sections)
    batch = run.batch()
    losses = {}
    for step in (0, 5, 10, 40):
        run.step = step
        losses[step] = float(run.loss(*batch).detach())
    assert losses[0] < losses[5] < losses[10] == losses[40]
    assert losses[5] - losses[0] == pytest.approx((losses[10] - losses[0]) / 2, rel=1e-4)
