"""Interpreting sections: constants stay constant, files are whole, kept, and the same each time."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import ConfigError, OutputExistsError, VolumeError
from seisproc.interpretation.prediction import Prediction
from seisproc.sections.context import Context
from seisproc.sections.files import SectionJob, interpret_folder
from seisproc.sections.folder import read_section
from seisproc.sections.interpret import interpret_section, npz_bytes
from seisproc.sections.neighbours import Neighbours, reference_arrays


@dataclass(frozen=True)
class Told:
    """A recipe whose network says the same shares everywhere, or repeats its second channel."""

    shares: tuple[float, ...] = (0.2, 0.5, 0.3)
    target: str = "facies"
    inputs: tuple[str, ...] = ("seismic",)
    window: tuple[int, ...] = (16, 20)
    threshold: float = 0.5
    sections: tuple = ()
    key: str = "told"
    name: str = "told"
    classes: tuple[str, ...] = ("a", "b", "c")
    normalisation: str = "unit-rms"

    @property
    def channels(self):
        return len(self.shares)

    def references(self):
        return reference_arrays(self.sections)

    def make_predict(self):
        return self

    def __call__(self, windows, window_index):
        extent = windows.shape[-3:]
        mean = np.broadcast_to(
            np.array(self.shares, np.float32)[None, :, None, None, None],
            (len(windows), len(self.shares), *extent),
        ).copy()
        if len(self.inputs) > 2:
            mean = windows[:, 2:5]
        zeros = np.zeros((len(windows), *extent), np.float32)
        return Prediction(mean, zeros, zeros)


@pytest.mark.parametrize("traces", [3, 16, 60])
def test_a_constant_network_gives_constant_sections(sections, traces):
    short = dataclasses.replace(sections[0], seismic=sections[0].seismic[:traces],
                                live=np.ones(traces, bool))
    found = interpret_section(short, Told(), Told())
    assert found["facies"].shape == (48, traces) and (found["facies"] == 1).all()
    assert np.ptp(found["probability"]) == 0 and np.ptp(found["uncertainty"]) == 0
    assert found["probability"][0, 0] == pytest.approx(0.5, abs=2e-5)
    entropy = -sum(p * np.log(p) for p in (0.2, 0.5, 0.3)) / np.log(3)
    assert found["uncertainty"][0, 0] == pytest.approx(entropy, abs=1e-4)


def test_variance_is_kept_where_it_is_asked_for_as_a_share_of_the_largest(
    folder, tmp_path, sections
):
    class Varies(Told):
        def __call__(self, windows, window_index):
            return super().__call__(windows, window_index)._replace(
                variance=np.full((len(windows), *windows.shape[-3:]), 1 / 9, np.float32))

    found = interpret_section(sections[0], Varies(), Varies(), variance=True)
    np.testing.assert_allclose(found["variance"], 0.5, atol=2e-5)  # the largest of three: 2/9
    assert "variance" not in interpret_section(sections[0], Varies(), Varies())
    output = str(tmp_path / "out")
    interpret_folder(folder, output, SectionJob(Told(), "1"))
    with_it = SectionJob(Told(), "1", variance=True)
    with pytest.raises(OutputExistsError):
        interpret_folder(folder, output, with_it)
    assert interpret_folder(folder, output, with_it, overwrite=True).kept == 0
    with np.load(tmp_path / "out" / "inline_12.npz", allow_pickle=False) as file:
        assert (file["variance"] == 0).all()


def test_a_fault_is_marked_from_the_threshold_on(sections):
    recipe = Told(shares=(0.4,), target="fault", threshold=0.35)
    found = interpret_section(sections[0], recipe, recipe)
    assert found["fault"].all() and found["fault"].dtype == np.uint8
    higher = dataclasses.replace(recipe, threshold=0.45)
    assert not interpret_section(sections[0], higher, higher)["fault"].any()


def test_windows_hold_what_neighbours_say_where_they_lie(sections):
    """A network that repeats its neighbours' shares gives their interpolation, window by window."""
    recipe = Told(inputs=Context(True, 3).inputs)
    others = Neighbours.of(sections[1:], 3)
    found = interpret_section(sections[0], recipe, recipe, others)
    depth, _ = others.average(sections[0].lines)
    assert (found["facies"] == depth.argmax(axis=0).T).mean() > 0.995


def test_dead_traces_are_bridged_and_uncertain(sections):
    dead = dataclasses.replace(sections[0], live=np.arange(60) > 4)
    found = interpret_section(dead, Told(), Told())
    assert (found["uncertainty"][:, :5] == 1).all() and (found["uncertainty"][:, 5:] < 1).all()
    recipe = Told(shares=(0.9,), target="fault")
    assert not interpret_section(dead, recipe, recipe)["fault"][:, :5].any()


def test_without_places_a_network_that_looks_at_neighbours_is_refused(sections):
    recipe = Told(inputs=Context(True, 3).inputs)
    lost = dataclasses.replace(sections[0], lines=None)
    with pytest.raises(ConfigError, match="where its traces lie"):
        interpret_section(lost, recipe, recipe, Neighbours.of(sections[1:], 3))


def test_sections_of_other_samples_than_those_looked_at_are_refused(sections):
    recipe = Told(inputs=Context(True, 3).inputs)
    short = dataclasses.replace(sections[0], seismic=sections[0].seismic[:, :40])
    with pytest.raises(ConfigError, match="other samples") as refusal:
        interpret_section(short, recipe, recipe, Neighbours.of(sections[1:], 3))
    assert (refusal.value.found, refusal.value.expected) == ("40", "48")


def test_answers_never_replace_the_sections(folder):
    before = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    with pytest.raises(ConfigError, match="would replace the sections"):
        interpret_folder(folder, f"{folder}/", SectionJob(Told(), "1"), overwrite=True)
    assert {path.name: path.read_bytes() for path in Path(folder).iterdir()} == before


@pytest.mark.parametrize("scheme", ["file://", "memory:/"])
def test_answers_may_lie_behind_a_url(folder, tmp_path, scheme):
    output, job = f"{scheme}{tmp_path / 'out'}", SectionJob(Told(), "1")
    assert interpret_folder(f"file://{folder}", output, job).kept == 0
    assert interpret_folder(folder, output, job).kept == 4


def test_a_model_of_volumes_is_refused(sections):
    recipe = Told(window=(8, 8, 8))
    with pytest.raises(ConfigError, match="model of volumes"):
        interpret_section(sections[0], recipe, recipe)


def test_a_folder_gives_a_folder_and_a_second_run_changes_nothing(folder, tmp_path):
    output, job = tmp_path / "out", SectionJob(Told(), "1")
    first = interpret_folder(folder, str(output), job)
    assert (first.sections, first.kept, first.traces) == (4, 0, 240)
    content = {path.name: path.read_bytes() for path in output.iterdir()}
    assert len(content) == 4
    (output / "inline_12.npz").unlink()
    again = interpret_folder(folder, str(output), job)
    assert again.kept == 3
    assert {path.name: path.read_bytes() for path in output.iterdir()} == content
    with np.load(output / "inline_12.npz", allow_pickle=False) as file:
        assert file["facies"].shape == file["probability"].shape == (48, 60)
        assert (file["inline"] == 12).all()


def test_another_model_replaces_nothing_unasked(folder, tmp_path):
    output = str(tmp_path / "out")
    interpret_folder(folder, output, SectionJob(Told(), "1"))
    other = SectionJob(Told(shares=(0.8, 0.1, 0.1)), "2")
    with pytest.raises(OutputExistsError):
        interpret_folder(folder, output, other)
    assert interpret_folder(folder, output, other, overwrite=True).kept == 0


def test_a_damaged_section_is_named_and_the_others_are_done(folder, tmp_path):
    bad = Path(folder) / "inline_12.npz"
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.raises(VolumeError, match=r"inline_12\.npz is damaged"):
        interpret_folder(folder, str(tmp_path / "out"), SectionJob(Told(), "1"))
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_normalisation_is_the_sections_own(tmp_path, folder):
    with np.load(Path(folder) / "inline_12.npz") as file:
        arrays = dict(file)
    arrays["seismic"] = (100 + 37 * arrays["seismic"]).astype(np.float32)
    (tmp_path / "scaled.npz").write_bytes(npz_bytes(arrays))
    one, other = read_section(f"{folder}/inline_12.npz"), read_section(str(tmp_path / "scaled.npz"))
    np.testing.assert_allclose(one.seismic, other.seismic, atol=1e-4)
    assert one.seismic.std() == pytest.approx(1, abs=0.01)
