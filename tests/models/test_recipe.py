"""The description of predictions that travels: what it settles, what it refuses, its key."""

import contextlib
import dataclasses
import inspect
import itertools
import json
import pickle

import numpy as np
import pytest
import torch

import seisproc.interpretation.prediction
from models.errors import BundleError, ModelError, PredictionError
from models.recipe import BundleRecipe
from models.runtime import PREDICTION_PRECISIONS, choose_precision, require_able

from .tiny_bundles import WINDOWS, make_bundle, windows_for


def test_the_recipe_is_small_and_travels(made):
    url, sha256, _, target = made
    recipe = BundleRecipe(url, sha256, samples=2)
    content = pickle.dumps(recipe)
    again = pickle.loads(content)
    assert len(content) < 4096
    assert again == recipe
    assert again.key == recipe.key
    windows = windows_for(target, 1)
    ours, theirs = (r.make_predict()(windows, np.arange(1)) for r in (recipe, again))
    assert np.array_equal(ours.mean, theirs.mean)


def test_the_recipe_says_what_tiling_asks(made):
    url, sha256, _, target = made
    recipe: seisproc.interpretation.prediction.Recipe = BundleRecipe(url, sha256)
    protocol = seisproc.interpretation.prediction.Recipe
    asked = [n for n, _ in inspect.getmembers(protocol) if not n.startswith("_")]
    assert all(hasattr(recipe, name) for name in asked)
    assert recipe.name == f"tiny-{target}"
    assert recipe.target == target
    assert recipe.window == WINDOWS[target]
    assert recipe.channels == (3 if target == "facies" else 1)
    assert recipe.classes[:2] == ("class 0", "class 1")
    fields = seisproc.interpretation.prediction.Prediction._fields
    answer = dataclasses.replace(recipe, samples=1).make_predict()(
        windows_for(target, 1), np.arange(1)
    )
    assert answer._fields == fields


def test_the_key_changes_with_everything_that_changes_the_result(made):
    url, sha256, _, target = made
    recipe = BundleRecipe(url, sha256, batch_size=4)
    changes = [
        {"samples": 5},
        {"seed": 1},
        {"batch_size": 3},
        {"threads": 2},
        {"precision": "bfloat16"},
        {"device": "cuda"},
        {"flips": True},
        {"compile": True},
    ]
    changed = [dataclasses.replace(recipe, **change) for change in changes]
    assert len({each.key for each in (recipe, *changed)}) == len(changes) + 1
    for each, change in zip(changed, changes, strict=True):
        described = json.loads(json.dumps(each.describe()))
        assert described == {**recipe.describe(), **change}, "and the product says so by name"
    assert recipe.describe()["window"] == list(WINDOWS[target])


def test_another_window_where_the_card_allows_it(tmp_path, section_arguments):
    url, _, _ = make_bundle(tmp_path / "fault", "fault", section_arguments)
    predict = BundleRecipe(url, samples=2, window_shape=(16, 8, 24)).make_predict()
    cubes = np.zeros((1, 16, 8, 24), np.float32)
    assert predict(cubes, np.arange(1)).mean.shape == (1, 1, 16, 8, 24)
    usual = "x".join(map(str, WINDOWS["fault"]))
    for wrong, found in (((16, 8, 25), "16x8x25"), ((16, 8), "16x8, 2 extents"),
                         ((16,), "16, 1 extent")):
        with pytest.raises(PredictionError) as refused:
            BundleRecipe(url, window_shape=wrong)
        assert str(refused.value) == (
            f"fault_window, of tiny-fault; found: {found}; expected: three extents, multiples of 2,"
            f" such as {usual}. Correct it, or leave it out: then a window is chosen for the"
            " survey."
        )
    url, _, _ = make_bundle(tmp_path / "facies", "facies", section_arguments)
    usual = "x".join(map(str, WINDOWS["facies"]))
    with pytest.raises(PredictionError) as refused:
        BundleRecipe(url, window_shape=(64, 64))
    assert str(refused.value) == (
        f"facies_window, of tiny-facies; found: 64x64; expected: {usual}: this network takes no"
        " other. Leave it out."
    )


def test_a_recipe_of_a_replaced_bundle_is_refused(made):
    url, _, _, _ = made
    with pytest.raises(BundleError, match="changed or replaced"):
        BundleRecipe(url, "0" * 64)


def test_settings_out_of_range_are_refused(made):
    url, sha256, _, _ = made
    with pytest.raises(PredictionError, match="samples"):
        BundleRecipe(url, sha256, samples=0)


def test_auto_stands_for_a_device_in_every_key(made, monkeypatch):
    url, sha256, _, _ = made
    settled = {}
    for there, device in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "GPU")
        auto = BundleRecipe(url, sha256, batch_size=4, device="auto")
        assert auto.device == device
        assert auto.key == BundleRecipe(url, sha256, batch_size=4, device=device).key
        settled[device] = auto
    assert settled["cpu"].key != settled["cuda"].key
    assert [settled[device].ahead for device in ("cpu", "cuda")] == [0, 1]


def test_precisions_of_a_gpu_are_refused_on_a_cpu(made):
    url, sha256, _, _ = made
    devices = ("cpu",) if torch.cuda.is_available() else ("cpu", "auto")
    for precision, device in itertools.product(("tf32", "float16"), devices):
        with pytest.raises(ModelError, match="precision on a CPU"):
            BundleRecipe(url, sha256, precision=precision, device=device)


def test_a_worker_without_a_gpu_refuses_what_was_planned_for_one(made):
    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    url, sha256, _, _ = made
    recipe = BundleRecipe(url, sha256, precision="tf32", device="cuda", compile=True)
    object.__setattr__(recipe, "device", "auto")
    with pytest.raises(ModelError, match="float32 or bfloat16"):
        recipe.make_predict()


def test_compiling_without_a_compiler_is_refused_before_the_run(made, tmp_path):
    from torch._inductor import config as inductor

    url, sha256, _, _ = made
    assert BundleRecipe(url, sha256, compile=True).compile
    with (
        inductor.patch({"cpp.cxx": (None, str(tmp_path / "absent"))}),
        pytest.raises(ModelError, match="needs a C.. compiler"),
    ):
        BundleRecipe(url, sha256, compile=True)
    assert BundleRecipe(url, sha256, compile=True).compile


@pytest.mark.parametrize(
    ("capability", "wanted", "said"),
    [
        ((7, 5), {"precision": "tf32"}, "tf32 on an older GPU.*compute capability 7.5"),
        ((7, 5), {"precision": "bfloat16"}, "bfloat16 on an older GPU.*float32, or float16"),
        ((6, 1), {"precision": "float16", "compile": True}, "Triton"),
        ((8, 0), {"precision": "tf32"}, ""),
        ((8, 0), {"precision": "bfloat16"}, ""),
        ((6, 1), {"precision": "float16"}, ""),
    ],
)
def test_an_older_gpu_refuses_what_it_does_not_have(capability, wanted, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old GPU")
    with pytest.raises(ModelError, match=said) if said else contextlib.nullcontext():
        require_able(torch.device("cuda"), **wanted)


@pytest.mark.parametrize(
    ("capability", "settled"), [(None, "bfloat16"), ((9, 0), "bfloat16"), ((7, 5), "float32")]
)
def test_auto_precision_is_one_everywhere_but_beside_an_older_gpu(capability, settled, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", "cuda", PREDICTION_PRECISIONS) == settled
    if capability is not None:
        assert choose_precision("auto", "auto") == settled


def test_compiling_for_a_gpu_needs_the_compiler_that_triton_looks_for(monkeypatch, tmp_path):
    (tmp_path / "triton.py").touch()
    compiler = tmp_path / "clang"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ModelError, match="needs a C compiler"):
        require_able(torch.device("cuda"), "float32", compile=True)
    require_able(torch.device("cuda"), "float32")
    compiler.touch(mode=0o755)
    require_able(torch.device("cuda"), "float32", compile=True)
    monkeypatch.setenv("CC", str(tmp_path / "absent"))
    with pytest.raises(ModelError, match="one that CC names"):
        require_able(torch.device("cuda"), "float32", compile=True)


def test_batches_of_devices_that_are_not_here(made):
    url, sha256, _, target = made
    sections = target == "facies"
    assert BundleRecipe(url, sha256).batch_size == (8 if sections else 2)
    if not sections:
        assert BundleRecipe(url, sha256, window_shape=(96, 96, 96)).batch_size == 1
    if not torch.cuda.is_available():
        there = BundleRecipe(url, sha256, device="cuda")
        assert there.batch_size == (32 if sections else 4)
        assert there.batch_is_free and not BundleRecipe(url, sha256).batch_is_free
        fewer = there.with_batch_size(3)
        assert fewer.batch_size == 3 and not fewer.batch_is_free
        assert fewer.key == BundleRecipe(url, sha256, device="cuda", batch_size=3).key
