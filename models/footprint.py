"""Memory that a network takes in a worker at the least, known without running it.

The network is built without weights, on torch's ``meta`` device, and a batch's shapes are sent
through it: milliseconds, after a second of torch's own imports, where a trial takes many.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.card import Card
from models.ensemble import build_network, members_of

#: Memory of a CPU process once torch and a predictor are imported, beyond what it had before.
TORCH_BYTES = 150 << 20


def least_bytes(card: Card, batch: tuple[int, ...], *, element: int = 4) -> int:
    """Bytes that a worker's CPU needs for a network and a batch of it, and never fewer.

    Torch itself, the weights in float32, and the inputs and outputs of that layer whose inputs and
    outputs are largest. What else lives at that moment (skip connections, a library's buffers)
    comes on top.

    Parameters
    ----------
    card : Card
        Of the bundle.
    batch : tuple of int
        Shape of what the network is given: (window, input, ...).
    element : int
        Bytes of a number of the deterministic part: 4, or 2 in bfloat16.
    """
    with torch.device("meta"):
        network = build_network(card.network, card.outputs, card.arguments).eval()
        x = torch.empty(batch)
    weights: int = sum(each.numel() for each in network.state_dict().values())
    largest = 0

    def look(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal largest
        largest = max(largest, sum(map(_numbers, (*inputs, output))))

    for module in network.modules():
        if next(module.children(), None) is None:
            module.register_forward_hook(look)
    with torch.inference_mode():
        for member in members_of(network):
            member.deterministic(x)
    return TORCH_BYTES + 4 * weights + element * largest


def _numbers(value: Any) -> int:
    return int(value.numel()) if isinstance(value, Tensor) else 0
