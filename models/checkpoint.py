"""Training checkpoints: one safetensors file, replaced atomically, never a pickle.

Tensors are named ``network/...``, ``average/...``, ``best/...`` and ``optimizer/<index>/<key>``;
the rest (step, history, fingerprint) is JSON in the file's own header, so that tensors and
progress cannot disagree after a kill between two writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.errors import TrainingError

State = dict[str, Tensor]


def write_checkpoint(path: Path, groups: dict[str, State], progress: dict[str, Any]) -> None:
    """Write groups of tensors and JSON progress beside ``path``, then move them into place."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous().clone()
        for group, state in groups.items()
        for name, tensor in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata={"progress": json.dumps(progress)})
    partial.replace(path)


def read_checkpoint(path: Path) -> tuple[dict[str, State], dict[str, Any]]:
    """Read what :func:`write_checkpoint` wrote.

    Raises
    ------
    TrainingError
        The file is no checkpoint of ours.
    """
    groups: dict[str, State] = {}
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            for key in file.keys():  # noqa: SIM118  (safe_open is no mapping)
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (SafetensorError, KeyError, ValueError, OSError) as reason:
        raise TrainingError(
            f"{path}: not a readable checkpoint",
            found=str(reason),
            do="Remove it to train from the start",
        ) from reason
    return groups, progress


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> State:
    """Take the optimizer's running moments, named ``<parameter index>/<key>``."""
    return {
        f"{index}/{key}": torch.as_tensor(value)
        for index, moments in optimizer.state_dict()["state"].items()
        for key, value in moments.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: State) -> None:
    """Put back what :func:`optimizer_tensors` took out; hyperparameters stay as they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
