"""Several networks that answer together: their probabilities are averaged.

Kaur et al. 2023 (Interpretation 11(1), T107-T116) recommend DeepLabv3+ and the adversarial U-Net
side by side; networks of one kind that learned from different parts of the labels make another
ensemble. What the members disagree on becomes part of the uncertainty: see
:class:`models.predictor.Predictor`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from models.errors import NetworkError
from models.registry import build
from models.split import SplitNetwork

ENSEMBLE = "ensemble"
"""Name on a card, in the place of a network's."""


class Ensemble(nn.Module):
    """Networks for the same windows and classes; weights are named ``members.<number>.<name>``.

    Parameters
    ----------
    classes : int
        Channels of the logits of each.
    members : sequence of mapping
        ``{"network": name in the registry, "arguments": what its class takes}``.

    Attributes
    ----------
    dimensions, inputs, fixed_window, multiple
        Of windows that suit all members; see :class:`models.split.SplitNetwork`.

    Raises
    ------
    NetworkError
        There are fewer than two members, or they want different windows.

    Examples
    --------
    >>> both = Ensemble(2, members=[{"network": "unet", "arguments": {"channels": [4, 8]}},
    ...                             {"network": "unet", "arguments": {"channels": [4, 8, 8]}}])
    >>> len(both.members), both.multiple
    (2, 4)
    """

    def __init__(self, classes: int, *, members: Sequence[Mapping[str, object]]) -> None:
        super().__init__()
        if len(members) < 2:
            raise NetworkError("members of an ensemble", found=str(len(members)),
                               expected="two or more")
        networks = [_member(classes, entry) for entry in members]
        for what in ("dimensions", "inputs"):
            found = sorted({int(getattr(network, what)) for network in networks})
            if len(found) > 1:
                raise NetworkError(f"{what} of the members of an ensemble", found=str(found),
                                   expected="the same for all")
        self.members = nn.ModuleList(networks)
        self.classes = classes
        self.dimensions, self.inputs = networks[0].dimensions, networks[0].inputs
        self.fixed_window = any(network.fixed_window for network in networks)
        self.multiple = math.lcm(*(network.multiple for network in networks))

    def forward(self, window: Tensor) -> Tensor:
        """Mean probability (batch, class, ...), without dropout."""
        outputs = [member(window) for member in self.members]
        shares = [z.sigmoid() if self.classes == 1 else z.softmax(dim=1) for z in outputs]
        mean: Tensor = sum(shares[1:], shares[0]) / len(shares)
        return mean


def build_network(
    network: str, classes: int, arguments: Mapping[str, object]
) -> SplitNetwork | Ensemble:
    """Make what a card names: one network, or an ensemble.

    Raises
    ------
    NetworkError
        Unknown network or argument, or a value out of range.
    """
    if network != ENSEMBLE:
        return build(network, classes=classes, **arguments)
    members = arguments.get("members")
    if set(arguments) != {"members"} or not isinstance(members, list | tuple):
        raise NetworkError("ensemble: arguments", found=", ".join(map(str, arguments)) or "none",
                           expected="members, a list")
    return Ensemble(classes, members=members)


def members_of(network: SplitNetwork | Ensemble) -> list[SplitNetwork]:
    """Networks that answer: the members, or the one itself."""
    if isinstance(network, SplitNetwork):
        return [network]
    return [member for member in network.members if isinstance(member, SplitNetwork)]


def joined_state(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """State dictionary of an ensemble from those of its members, in their order."""
    return {
        f"members.{number}.{name}": tensor
        for number, state in enumerate(states)
        for name, tensor in state.items()
    }


def _member(classes: int, entry: Mapping[str, object]) -> SplitNetwork:
    arguments = entry.get("arguments", {})
    if not isinstance(entry.get("network"), str) or not isinstance(arguments, Mapping):
        raise NetworkError("member of an ensemble", found=str(entry)[:80],
                           expected="network and arguments")
    return build(str(entry["network"]), classes=classes, **arguments)
