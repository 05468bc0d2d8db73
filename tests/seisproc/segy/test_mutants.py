"""Damaged headers: each mutant gives a survey or one clear error, soon, and in little memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import SeisprocError
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan

Writer = Callable[..., Path]
MUTANTS = 25
SCANNED = 200


@pytest.mark.parametrize("code", [1, 3, 5])
def test_mutants_end_in_a_survey_or_one_error(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray, code: int
) -> None:
    whole = np.fromfile(segy(sample_format=code), "uint8")
    rng = np.random.default_rng(code)
    path, store, back = tmp_path / "m.sgy", tmp_path / "m.zarr", tmp_path / "b.sgy"
    survivors = 0
    for number in range(MUTANTS):
        mutant = mutate(whole, rng)
        mutant.tofile(path)
        begin = time.monotonic()
        try:
            ingest([str(path)], str(store), overwrite=True)
            export(str(store), str(back), overwrite=True)
        except SeisprocError as error:
            assert "\n" not in str(error), f"mutant {number}"
        else:
            survivors += 1
            assert back.read_bytes() == path.read_bytes(), f"mutant {number}"
        assert number == 0 or time.monotonic() - begin < 5, f"mutant {number}"
    assert survivors > 0


def test_scanning_any_mutant_is_soon_over(segy: Writer, tmp_path: Path) -> None:
    whole = np.fromfile(segy(), "uint8")
    rng = np.random.default_rng(0)
    path = tmp_path / "m.sgy"
    refused = 0
    for _ in range(SCANNED):
        mutate(whole, rng).tofile(path)
        begin = time.monotonic()
        try:
            found = scan([str(path)])
        except SeisprocError:
            refused += 1
        else:
            assert found.live.sum() == found.trace_count
        assert time.monotonic() - begin < 1
    assert 0 < refused < SCANNED


def mutate(whole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Damage a few bytes, most often in the headers, or cut or lengthen the file."""
    mutant = whole.copy()
    kind = rng.integers(0, 10)
    if kind == 0:
        return mutant[: rng.integers(0, len(mutant))]
    if kind == 1:
        return np.concatenate([mutant, mutant[: rng.integers(1, 4000)]])
    first, stop = [(3200, 3600), (3600, 3840), (0, len(mutant))][rng.integers(0, 3)]
    places = rng.integers(first, stop, rng.integers(1, 6))
    mutant[places] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(0, 256)], len(places))
    return mutant
