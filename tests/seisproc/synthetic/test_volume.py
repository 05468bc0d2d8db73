"""Whole volumes: reproducible, complete, in geological order, and not guessable without looking."""

import dataclasses
import hashlib
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seisproc.schema import NONE, PARIHAKA
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import SyntheticVolume, synthesize

SMALL = SyntheticConfig(shape=(40, 44, 72), seed=11)


def digest(volume: SyntheticVolume) -> str:
    arrays = volume.amplitude, volume.facies, volume.fault
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


@pytest.fixture(scope="module")
def typical() -> list[SyntheticVolume]:
    return [synthesize(SyntheticConfig(seed=seed)) for seed in range(6)]


def test_arrays_have_the_declared_shape_and_kind() -> None:
    volume = synthesize(SMALL)
    for array, dtype in (
        (volume.amplitude, np.float32),
        (volume.facies, np.uint8),
        (volume.fault, np.uint8),
    ):
        assert array.shape == SMALL.shape
        assert array.dtype == dtype
        assert array.flags.c_contiguous
    assert np.isfinite(volume.amplitude).all()
    assert np.sqrt(np.mean(volume.amplitude**2)) == pytest.approx(1.0, rel=1e-3)
    assert set(np.unique(volume.fault)) <= {0, 1}


def digest_of_seed(seed: int) -> str:
    return digest(synthesize(dataclasses.replace(SMALL, seed=seed)))


def test_same_seeds_same_bytes_in_any_order_and_on_two_processes() -> None:
    seeds = [11, 12, 13, 14]
    here = {seed: digest_of_seed(seed) for seed in seeds}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        backwards = list(pool.map(digest_of_seed, reversed(seeds)))
    assert dict(zip(reversed(seeds), backwards, strict=True)) == here
    assert len(set(here.values())) == len(seeds)


def test_same_seed_same_bytes_once_compiled_anew(tmp_path: Path) -> None:
    script = (
        "import hashlib\n"
        "from seisproc.synthetic.config import SyntheticConfig\n"
        "from seisproc.synthetic.volume import synthesize\n"
        "v = synthesize(SyntheticConfig(shape=(40, 44, 72), seed=11))\n"
        "data = v.amplitude.tobytes() + v.facies.tobytes() + v.fault.tobytes()\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )
    assert any(tmp_path.rglob("*.nbc")), "the kernels were compiled, not read from the cache"
    assert run.stdout.strip() == digest(synthesize(SMALL))


def test_another_seed_gives_another_volume() -> None:
    assert digest(synthesize(SMALL)) != digest(synthesize(dataclasses.replace(SMALL, seed=12)))


def test_one_step_changes_without_moving_the_others() -> None:
    plain = synthesize(SMALL)
    noisy = synthesize(dataclasses.replace(SMALL, noise=0.9))
    assert not np.array_equal(plain.amplitude, noisy.amplitude)
    assert np.array_equal(plain.facies, noisy.facies)
    assert np.array_equal(plain.fault, noisy.fault)
    folded = synthesize(dataclasses.replace(SMALL, fold_amplitude=0.0, shear=0.0))
    assert not np.array_equal(plain.facies, folded.facies)
    assert np.array_equal(plain.fault, folded.fault)


def test_all_six_facies_appear_in_typical_volumes(typical: list[SyntheticVolume]) -> None:
    complete = 0
    for volume in typical:
        counts = np.bincount(volume.facies.ravel(), minlength=len(PARIHAKA))
        assert counts.size == len(PARIHAKA)
        assert (counts > 0).all()
        complete += bool((counts > 0.01 * volume.facies.size).all())
    assert complete >= len(typical) - 1


def test_facies_lie_in_geological_order(typical: list[SyntheticVolume]) -> None:
    for volume in typical:
        codes = volume.facies
        # Basement under everything: nothing else below it, faults apart.
        below = codes[:, :, 1:][(codes[:, :, :-1] == 0)]
        assert np.mean(below != 0) < 0.02
        depth = {code: np.nonzero(codes == code)[2].mean() for code in range(len(PARIHAKA))}
        assert depth[0] > depth[1] > depth[3]
        assert depth[0] > depth[2] > depth[3]
        assert depth[4] < depth[1] and depth[5] < depth[1]


def test_each_class_lies_only_on_what_is_older() -> None:
    basement, older, younger = {0}, {1, 2}, {3, 4, 5}
    on_older_and_on_younger = np.zeros(2, int)
    found = np.zeros(len(PARIHAKA), int)
    for seed in range(12):
        config = SyntheticConfig(shape=(64, 64, 96), seed=seed, fault_count=0)
        codes = synthesize(config).facies
        found[np.unique(codes)] += 1
        contacts = set(zip(codes[:, :, :-1].ravel(), codes[:, :, 1:].ravel(), strict=True))
        for above, below in contacts:
            assert above not in basement or below in basement
            assert above not in older or below in basement | older
        # Valleys and canyons cut: they lie on mudstone B, in which they are set, and below it.
        under = {int(below) for above, below in contacts if above in (4, 5)} - {4, 5}
        on_older_and_on_younger += [bool(under & older), bool(under & younger)]
    assert (found >= 11).all()
    assert on_older_and_on_younger[0] >= 8 and on_older_and_on_younger[1] == 12


def test_bodies_are_bodies_and_not_speckle(typical: list[SyntheticVolume]) -> None:
    for volume in typical:
        along = np.diff(volume.facies, axis=2) != 0
        # A handful of boundaries on a trace of 128 samples.
        assert 3 <= along.sum(axis=2).mean() <= 12
        sideways = np.mean(np.diff(volume.facies, axis=0) != 0)
        assert sideways < 0.12


def test_depth_alone_and_the_nearest_trace_are_poor_guesses(
    typical: list[SyntheticVolume],
) -> None:
    classes = len(PARIHAKA)
    for volume in typical:
        codes = volume.facies
        half = codes.shape[0] // 2
        counts = np.stack([(codes[:half] == code).sum(axis=(0, 1)) for code in range(classes)])
        by_depth = np.broadcast_to(counts.argmax(axis=0), codes[half:].shape)
        nearest = np.broadcast_to(codes[half - 1], codes[half:].shape)
        for guess in (by_depth, nearest):
            assert mean_iou(guess, codes[half:]) < 0.6


def mean_iou(guess: np.ndarray, truth: np.ndarray) -> float:
    scores = []
    for code in np.unique(truth):
        both = np.logical_and(guess == code, truth == code).sum()
        scores.append(both / np.logical_or(guess == code, truth == code).sum())
    return float(np.mean(scores))


def test_textures_differ_where_the_words_say_so() -> None:
    quiet = {"noise": 0.0, "white_noise": 0.0, "linear_noise": 0.0, "decay": 0.0}
    strength = {code: [] for code in range(len(PARIHAKA))}
    continuity = {code: [] for code in range(len(PARIHAKA))}
    for seed in range(3):
        volume = synthesize(SyntheticConfig(seed=seed, fault_count=0, **quiet))
        a, b = volume.amplitude[:-3], volume.amplitude[3:]
        for code in range(len(PARIHAKA)):
            inside = (volume.facies[:-3] == code) & (volume.facies[3:] == code)
            # Away from the contacts, whose reflections belong to both sides.
            for shift in (-5, 5):
                inside &= np.roll(volume.facies[:-3], shift, axis=2) == code
            if inside.sum() < 500:
                continue
            strength[code].append(float(np.sqrt(np.mean(a[inside] ** 2))))
            continuity[code].append(float(np.corrcoef(a[inside], b[inside])[0, 1]))
    rms = {code: np.mean(values) for code, values in strength.items() if values}
    same = {code: np.mean(values) for code, values in continuity.items() if values}
    assert rms[3] > 2.0 * rms[1], "mudstone B is stronger than A"
    assert rms[3] > 1.3 * rms[2], "the mass-transport complex is of low amplitude"
    assert rms[3] > 1.3 * rms[5], "so is the canyon's fill"
    assert same[3] > 2.0 * abs(same[0]), "basement is without coherent reflections"
    assert same[3] > 1.5 * same[2], "the mass-transport complex is chaotic"
    assert same[1] > same[2], "mudstone A is semi-continuous"


def test_without_facies_there_are_layers_and_faults_only() -> None:
    volume = synthesize(SyntheticConfig(shape=(48, 48, 64), seed=2, facies=False))
    assert (volume.facies == NONE).all()
    assert volume.fault.any()
    assert volume.amplitude.std() > 0.5


def test_the_edges_are_like_the_interior() -> None:
    quiet = {"noise": 0.0, "white_noise": 0.0, "linear_noise": 0.0, "decay": 0.0, "footprint": 0.0}
    ratios = []
    for seed in range(8):
        volume = synthesize(
            SyntheticConfig(shape=(48, 48, 64), seed=seed, facies=False, **quiet)
        ).amplitude
        energy = np.mean(volume**2)
        for axis in range(3):
            for edge in (0, -1):
                ratios.append(np.mean(np.take(volume, edge, axis=axis) ** 2) / energy)
                step = np.take(volume, edge, axis=axis) - np.take(
                    volume, edge + (1 if edge == 0 else -1), axis=axis
                )
                # Padding with a constant would repeat or break the last traces.
                assert np.abs(step).max() > 0
    assert 0.4 < np.median(ratios) < 1.8
