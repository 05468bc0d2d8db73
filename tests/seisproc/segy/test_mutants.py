"""Damaged files: each mutant gives the right volume or one clear error, soon, in little memory.

``pytest -m slow tests/seisproc/segy/test_mutants.py`` runs 10,000 of them.
"""

from __future__ import annotations

import os
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

from seisproc.errors import SeisprocError
from seisproc.segy import layout
from seisproc.segy.export import export
from seisproc.segy.ingest import IngestReceipt, ingest
from seisproc.segy.layout import order_mark
from seisproc.segy.scan import scan
from seisproc.survey import Survey

from .conftest import patch_traces

Writer = Callable[..., Path]
QUICK = 25
SCANNED = 200
MANY = int(os.environ.get("SEISPROC_MUTANTS", "10000"))
SAMPLES = 67
DEADLINE_S = 60
"""No measure of speed, but of hanging: a tenth of a second is usual, and compiling takes a few."""

WORDS = [word for word in vars(layout).values() if isinstance(word, layout.Field)]
LIMITS = (0, 1, -1, 2, 255, 32_767, -32_768, 65_535, 1 << 20, 2**31 - 1, -(2**31))


@pytest.fixture
def originals(segy: Writer) -> list[np.ndarray]:
    """A file of every kind: formats, byte orders, a line, gathers, shots."""
    files = [segy(sample_format=code) for code in (1, 3, 5)]
    files.append(segy("little.sgy", sample_format=5, byte_order="little"))
    kept = [np.fromfile(path, "uint8") for path in files]
    for words in (
        {189: 0, 193: 0, 21: np.arange(35)},
        {189: np.repeat(np.arange(5), 7), 193: 9, 37: np.tile(np.arange(7), 5)},
        {189: 0, 193: 0, 9: np.repeat(np.arange(5), 7), 13: np.tile(np.arange(7), 5),
         37: np.tile(np.arange(7), 5)},
    ):
        path = segy("other.sgy", sample_format=5)
        for byte, values in words.items():
            patch_traces(path, byte, ">i4", values, SAMPLES)
        kept.append(np.fromfile(path, "uint8"))
    return kept


def test_mutants_end_in_a_survey_or_one_error(originals: list[np.ndarray], tmp_path: Path) -> None:
    survivors = sum(
        torture(whole, np.random.default_rng(seed), tmp_path, QUICK)
        for seed, whole in enumerate(originals)
    )
    assert 0 < survivors < QUICK * len(originals)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_many_mutants(originals: list[np.ndarray], tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    each = -(-MANY // len(originals))
    survivors = sum(
        torture(whole, np.random.default_rng([9, seed]), tmp_path, each)
        for seed, whole in enumerate(originals)
    )
    assert 0 < survivors < MANY
    grown_gib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    assert grown_gib < 1
    print(f"{each * len(originals)} mutants: {survivors} surveys, the others one error each")


def test_scanning_any_mutant_is_soon_over(originals: list[np.ndarray], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "m.sgy"
    refused = 0
    for number in range(SCANNED):
        mutate(originals[number % len(originals)], rng).tofile(path)
        begin = time.monotonic()
        try:
            found = scan([str(path)])
        except SeisprocError:
            refused += 1
        else:
            assert found.live.sum() == found.trace_count
        assert time.monotonic() - begin < DEADLINE_S
    assert 0 < refused < SCANNED


def torture(whole: np.ndarray, rng: np.random.Generator, folder: Path, count: int) -> int:
    """Ingest and export mutants of a file; returns how many became a survey."""
    path, store, back = folder / "m.sgy", folder / "m.zarr", folder / "b.sgy"
    survivors = 0
    for number in range(count):
        mutant = mutate(whole, rng)
        mutant.tofile(path)
        begin = time.monotonic()
        try:
            receipt = ingest([str(path)], str(store), overwrite=True)
            export(str(store), str(back), overwrite=True)
        except SeisprocError as error:
            assert "\n" not in str(error), f"mutant {number}"
        except Exception as error:
            (folder / "culprit.sgy").write_bytes(mutant.tobytes())
            raise AssertionError(f"mutant {number}, kept as culprit.sgy: {error!r}") from error
        else:
            survivors += 1
            assert back.read_bytes() == path.read_bytes(), f"mutant {number}"
            compare_with_segyio(path, receipt)
        assert number == 0 or time.monotonic() - begin < DEADLINE_S, f"mutant {number}"
    return survivors


def compare_with_segyio(path: Path, receipt: IngestReceipt) -> None:
    """Check labels and samples of every trace, where the field's library opens the mutant too."""
    survey = Survey(receipt.store)
    segy = survey.attributes["segy"]
    content = path.read_bytes()
    order = segy["byte_order"]
    stated = int.from_bytes(content[3224:3226], order)
    if receipt.kind != "3d" or stated != segy["sample_format"]:
        return
    try:
        with warnings.catch_warnings():
            # of sample formats that it does not know, such as 4, before it reads them as IBM
            warnings.simplefilter("error", UserWarning)
            file = segyio.open(path, strict=False, endian=order)
    except (RuntimeError, ValueError, OSError, UserWarning):
        return
    with file:
        samples = segy["samples"]
        if file.tracecount != receipt.traces or len(file.samples) != samples:
            return
        chosen = next(item for item in survey.attributes["evidence"] if item["chosen"])
        known = segyio.TraceField.enums()
        usual = chosen["inline_type"] == chosen["crossline_type"] == "int32"
        if not usual or chosen["inline_byte"] not in known or chosen["crossline_byte"] not in known:
            return
        index, amplitude = survey.read("trace_index"), survey.amplitude[...]
        inlines, crosslines = survey.grid.inline, survey.grid.crossline
        shifted = survey.has("trace_shift")
        shift = survey.read("trace_shift") if shifted else np.zeros(receipt.traces, int)
        for i, j in np.argwhere(index >= 0).tolist():
            trace = int(index[i, j])
            header = file.header[trace]
            assert header[chosen["inline_byte"]] == inlines[i]
            assert header[chosen["crossline_byte"]] == crosslines[j]
            sure = np.ones(samples, bool)
            if stated == layout.IBM:
                # segyio takes every IBM word for a normalised one: 420c0000 is 12, not 14,
                # and 42000000 is 0, not 8
                prefix = survey.attributes["source"][0]["prefix_bytes"]
                begin = prefix + trace * (240 + 4 * samples) + 240
                words = np.frombuffer(content, order_mark(order) + "u4", samples, begin)
                sure = (words & 0x00F00000 != 0) | (words == 0)
            start = int(shift[trace])
            ours = amplitude[i, j, start : start + samples]
            np.testing.assert_allclose(ours[sure], file.trace[trace][sure], rtol=1e-6)


def mutate(whole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Damage bytes or header words, most often in the headers, or cut or lengthen the file."""
    mutant = whole.copy()
    kind = rng.integers(0, 12)
    if kind == 0:
        return mutant[: rng.integers(0, len(mutant))]
    if kind == 1:
        return np.concatenate([mutant, mutant[: rng.integers(1, 4000)]])
    if kind < 6:
        for _ in range(rng.integers(1, 4)):
            set_word(mutant, rng)
        return mutant
    first, stop = [(3200, 3600), (3600, 3840), (0, len(mutant))][rng.integers(0, 3)]
    places = rng.integers(first, stop, rng.integers(1, 6))
    mutant[places] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(0, 256)], len(places))
    return mutant


def set_word(mutant: np.ndarray, rng: np.random.Generator) -> None:
    """Put a limit value, or a small one, into a word of the file header or of some traces."""
    word = WORDS[rng.integers(0, len(WORDS))]
    value = LIMITS[rng.integers(0, len(LIMITS))] if rng.random() < 0.6 else rng.integers(-9, 99)
    raw = np.frombuffer(int(value).to_bytes(12, "big", signed=True)[-word.size :], "uint8")
    if word.byte > layout.TEXT_BYTES:
        starts = np.array([0])
    else:
        trace = layout.TRACE_HEADER_BYTES + 4 * SAMPLES
        starts = layout.FILE_HEADER_BYTES + trace * np.arange(35)
        starts = rng.choice(starts, rng.integers(1, 36), replace=False)
    for start in starts.tolist():
        place = start + word.byte - 1
        if place + word.size <= len(mutant):
            mutant[place : place + word.size] = raw
