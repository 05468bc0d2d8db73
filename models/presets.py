"""Network arguments that were tried: the paper's, small ones that learn in a minute, and between.

``small`` was chosen on synthetic volumes that it had not been trained on, by score for equal CPU
time. Measured on one core of a 2.6 GHz Xeon with AMX, in bfloat16: DeepLabv3+ 0.10 s a step of
four 64 x 128 sections, 3-D U-Net 0.05 s a step of two 32 x 32 x 64 cubes.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.errors import NetworkError

ARGUMENTS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "deeplabv3plus": {
        # Kaur et al. 2023: the defaults of the class, on windows of 200 x 200.
        "paper": {},
        "small": {
            "width": 0.25,
            "middle_blocks": 2,
            "aspp_rates": [1, 2, 3],
            "aspp_channels": 32,
            "low_level_channels": 16,
            "decoder_channels": 48,
            "head_channels": 32,
        },
        "medium": {
            "width": 0.5,
            "middle_blocks": 2,
            "aspp_rates": [2, 4, 6],
            "aspp_channels": 64,
            "low_level_channels": 24,
            "decoder_channels": 64,
            "head_channels": 48,
        },
    },
    "unet": {
        # Kaur et al. 2023 do not say; the channels of Ronneberger et al. 2015, halved.
        "paper": {},
        "small": {"channels": [12, 24, 48, 96], "head_channels": 16},
        "medium": {"channels": [16, 32, 64, 128, 192], "head_channels": 16},
    },
    "unet3d": {
        # Wu et al. 2019: the defaults of the class, on windows of 128 x 128 x 128.
        "paper": {},
        "small": {"channels": [16, 32, 64], "stem_stride": 2},
        "medium": {"channels": [32, 64, 128, 192], "stem_stride": 2, "head_channels": 32},
    },
}

#: Values of TrainConfig that go with ``small``. Strong augmentation slows so short a training
#: down: flips alone gave more (mean IoU 0.57 against 0.54 in 240 steps).
SMALL_TRAINING: Mapping[str, Mapping[str, object]] = {
    "deeplabv3plus": {"steps": 480, "batch_size": 4, "learning_rate": 1e-2},
    "unet3d": {"steps": 1200, "batch_size": 2, "learning_rate": 6e-3},
}


def network_arguments(network: str, preset: str) -> dict[str, object]:
    """Arguments of a network by the name of a preset.

    Raises
    ------
    NetworkError
        No such network or preset.

    Examples
    --------
    >>> network_arguments("unet3d", "small")
    {'channels': [16, 32, 64], 'stem_stride': 2}
    """
    presets = ARGUMENTS.get(network, {})
    if preset not in presets:
        known = [f"{n} {p}" for n, group in ARGUMENTS.items() for p in group]
        raise NetworkError(
            "unknown preset", found=f"{network} {preset}", expected=f"one of {', '.join(known)}"
        )
    return dict(presets[preset])
