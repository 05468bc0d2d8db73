"""Pictures of docs/synthesis.md: ``python benchmarks/synthesis_pictures.py [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from PIL import Image

from flows.config import read_form
from flows.synthetic_config import SyntheticSurveyConfig
from seisproc.synthetic.column import Fill, Unit
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.faults import Fault
from seisproc.synthetic.volume import SyntheticVolume, synthesize
from seisproc.synthetic.wavelet import ormsby, ricker, wavelet_of_spectrum

CLIP = 2.5
EXAMPLES = Path(__file__).parents[1] / "examples" / "synthetic"
QUIET = {"noise": 0.0, "linear_noise": 0.0, "dip_noise": 0.0, "white_noise": 0.0,
         "dead_traces": 0.0, "noisy_traces": 0.0, "decay": 0.0, "phase_degrees": 0.0}  # fmt: skip
PLAIN = (Unit(0, "sheet", 1.0, 0.0, (Fill(thickness=1.2, warp=0.0),)),)


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    for name, make in (
        ("synthesis-facies", facies), ("synthesis-structure", structure),
        ("synthesis-wavelets", wavelets), ("synthesis-columns", columns),
    ):
        figure = make()
        figure.savefig(folder / f"{name}.png", dpi=64)
        plt.close(figure)
        # A palette is a third of the size, and nobody sees it.
        with Image.open(folder / f"{name}.png") as picture:
            small = picture.convert("RGB").quantize(96, dither=Image.Dither.NONE)
        small.save(folder / f"{name}.png", optimize=True)
    return 0


def seismic(axes: Axes, section: np.ndarray, title: str, clip: float = CLIP) -> None:
    """Section (trace, sample), unit rms; white is an increase of impedance."""
    axes.imshow(section.T, cmap="gray", vmin=-clip, vmax=clip, aspect="auto")
    axes.set(title=title, xlabel="crossline", ylabel="sample")


def truth(axes: Axes, volume: SyntheticVolume, config: SyntheticConfig, inline: int) -> None:
    """Classes and faults over the section."""
    seismic(axes, volume.amplitude[inline], "classes and faults")
    colours = ["#FFFFFF"] * 256
    for one in config.classes:
        colours[one.code] = one.colour
    axes.imshow(volume.facies[inline].T, cmap=ListedColormap(colours), vmin=-0.5, vmax=255.5,
                alpha=0.45, aspect="auto", interpolation="nearest")
    fault = np.ma.masked_equal(volume.fault[inline].T, 0)
    axes.imshow(fault, cmap=ListedColormap(["#CC0000"]), aspect="auto", interpolation="nearest")
    patches = [Patch(color=one.colour, alpha=0.6, label=one.name) for one in config.classes]
    axes.legend(handles=patches, fontsize=6, loc="lower right")


def facies() -> plt.Figure:
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5), layout="constrained")
    for column, (seed, inline) in enumerate(((2, 60), (5, 60), (6, 100))):
        config = SyntheticConfig(shape=(160, 200, 192), seed=seed)
        volume = synthesize(config)
        seismic(axes[0, column], volume.amplitude[inline],
                f"seed {seed}, inline {inline}, clip {CLIP} rms")
        truth(axes[1, column], volume, config, inline)
    return figure


def structure() -> plt.Figure:
    shape, middle = (48, 200, 160), (24.0, 100.0, 90.0)
    sizes = {"strike_radius": 150.0, "dip_radius": 75.0, "drag": 90.0}
    none = {"fold_amplitude": 0.0, "shear": 0.0, "lateral_blur": 0.4, **QUIET}
    crossing = (
        Fault((24, 90, 80), 0, 68, 12, **sizes), Fault((24, 110, 80), 180, 62, 9, **sizes)
    )
    kinds: dict[str, dict[str, object]] = {
        "normal, planar": {"faults": (Fault(middle, 0, 65, 14, **sizes),), **none},
        "listric": {"faults": (Fault(middle, 0, 55, 16, **sizes, listric=18),), **none},
        "growth: thicker on the hanging wall": {
            "faults": (Fault((24, 100, 120), 0, 65, 22, 150, 110, 90, 1.0, growth=True),), **none
        },
        "reverse": {"faults": (Fault(middle, 0, 60, -14, **sizes),), **none},
        "two that cross": {"faults": crossing, **none},
        "folds that grew above sample 96": {
            **none, "faults": (), "fold_amplitude": 7.0, "fold_onset": 0.6, "fold_width": 0.15
        },
    }
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5), layout="constrained")
    for one, (name, changes) in zip(axes.ravel(), kinds.items(), strict=True):
        config = SyntheticConfig(shape=shape, seed=3, column=PLAIN, **changes)
        volume = synthesize(config)
        seismic(one, volume.amplitude[24], name)
        fault = np.ma.masked_equal(volume.fault[24].T, 0)
        one.imshow(fault, cmap=ListedColormap(["#CC0000"]), alpha=0.6, aspect="auto",
                   interpolation="nearest")
    return figure


def wavelets() -> plt.Figure:
    figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
    frequency = np.linspace(0.0, 0.5, 49)
    measured = np.exp(-(((frequency - 0.11) / 0.05) ** 2)) + 0.5 * np.exp(
        -(((frequency - 0.22) / 0.06) ** 2)
    )
    for name, taps in {
        "Ricker, peak 0.12": ricker(0.12),
        "Ormsby 0.03-0.08-0.17-0.26": ormsby(0.03, 0.08, 0.17, 0.26),
        "of a spectrum": wavelet_of_spectrum(measured),
    }.items():
        half = taps.size // 2
        axes[0].plot(np.arange(-half, half + 1), taps, label=name)
        axes[1].plot(np.fft.rfftfreq(512), np.abs(np.fft.rfft(taps, 512)), label=name)
    axes[0].set(xlim=(-25, 25), xlabel="sample", title="wavelets")
    axes[1].set(xlabel="cycles per sample", title="their amplitude spectra")
    axes[0].legend(fontsize=7)
    dipping = {"shape": (24, 60, 120), "seed": 2, "fault_count": 0, "column": PLAIN,
               "fold_amplitude": 0.0, "shear": 1.8, "bin_m": 6.0, "lateral_blur": 0.0,
               "peak_frequency": 0.12, "frequency_drop": 0.0, **QUIET}  # fmt: skip
    for one, along in zip(axes[2:], (False, True), strict=True):
        volume = synthesize(SyntheticConfig(along_normal=along, **dipping))
        seismic(one, volume.amplitude[12],
                "50 degrees steep: " + ("along the normal" if along else "along the vertical"))
    return figure


def columns() -> plt.Figure:
    figure, axes = plt.subplots(2, 4, figsize=(18, 8.5), layout="constrained")
    for column, (name, seed) in enumerate((("salt", 1), ("salt", 4), ("f3", 2), ("f3", 3))):
        values = {**read_form(str(EXAMPLES / f"{name}.yaml")), "seed": seed}
        config = SyntheticSurveyConfig(**values).config()
        volume = synthesize(config)
        seismic(axes[0, column], volume.amplitude[64], f"{name}.yaml, seed {seed}")
        truth(axes[1, column], volume, config, 64)
    return figure


if __name__ == "__main__":
    sys.exit(main())
