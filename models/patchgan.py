"""The adversary of the facies generator: a conditional PatchGAN, and its side of a training step.

Isola et al. 2017 (arXiv:1611.07004): a discriminator that sees a section together with its facies,
and tells for every patch of 70 x 70 whether the facies are interpreted or predicted. Kaur et al.
2023 (Interpretation 11(1), T107-T116) add its loss to the cross-entropy with a weight of 0.1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from models.checkpoint import State, optimizer_tensors, restore_optimizer
from models.losses import NONE


class PatchDiscriminator(nn.Sequential):
    """Logits (batch, 1, ...) for patches of 70 x 70: above zero where facies look interpreted.

    The input is (batch, 1 + class, trace, sample): seismic and the probability of each class. One
    logit stands for every 8 traces and samples, less two at the edges.

    Parameters
    ----------
    classes : int
    width : int
        Channels of the first layer; 64 is the paper's.
    """

    def __init__(self, classes: int, width: int = 64) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(1 + classes, width, 4, 2, padding=1), nn.LeakyReLU(0.2, inplace=True)
        ]
        for inputs, outputs, stride in (
            (width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)
        ):
            # Bounded by its spectral norm (Miyato et al. 2018) instead of a batch norm, which
            # would let a logit depend on what lies outside of its patch.
            layers += [
                spectral_norm(nn.Conv2d(inputs, outputs, 4, stride, padding=1)),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        super().__init__(*layers, nn.Conv2d(8 * width, 1, 4, 1, padding=1))


class Adversary:
    """A discriminator that is trained along with the generator.

    Parameters
    ----------
    classes, width : int
        Of :class:`PatchDiscriminator`.
    learning_rate : float
        Its peak; the schedule is the generator's.
    seed : int
        Of the weights.
    device : torch.device
    """

    def __init__(
        self, classes: int, width: int, learning_rate: float, seed: int, device: torch.device
    ) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed + 1)
            self.network = PatchDiscriminator(classes, width).to(device)
        self.learning_rate = learning_rate
        # The moments of Isola et al.: a discriminator must not lean on what it saw long ago.
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, betas=(0.5, 0.999)
        )

    def step(self, window: Tensor, logits: Tensor, label: Tensor, schedule: float) -> float:
        """Learn from one batch to tell interpreted from predicted; returns the loss.

        Parameters
        ----------
        window : float32 (batch, 1, trace, sample)
        logits : float32 (batch, class, trace, sample)
            Of the generator.
        label : uint8 (batch, trace, sample)
            255 where unlabelled; there both sides show the prediction, and tell nothing.
        schedule : float
            Share of the peak learning rate.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * schedule
        predicted = logits.detach().softmax(dim=1)
        real = self.network(torch.cat([window, interpreted(label, predicted)], dim=1))
        fake = self.network(torch.cat([window, predicted], dim=1))
        loss = 0.5 * (
            F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
            + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
        )
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return float(loss.detach())

    def loss(self, window: Tensor, logits: Tensor) -> Tensor:
        """Charge the generator for facies that do not look interpreted: float32 scalar."""
        judged = self.network(torch.cat([window, logits.softmax(dim=1)], dim=1))
        return F.binary_cross_entropy_with_logits(judged, torch.ones_like(judged))

    def state(self) -> dict[str, State]:
        """Give groups of tensors for a checkpoint."""
        network = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        return {"adversary": network, "adversary_optimizer": optimizer_tensors(self.optimizer)}

    def restore(self, groups: dict[str, State]) -> None:
        """Take back what :meth:`state` gave."""
        self.network.load_state_dict(groups["adversary"])
        restore_optimizer(self.optimizer, groups["adversary_optimizer"])


def interpreted(label: Tensor, predicted: Tensor) -> Tensor:
    """One-hot facies (batch, class, ...) of labels, with the prediction where there is none."""
    known = label != NONE
    codes = label.long().where(known, torch.zeros((), dtype=torch.long, device=label.device))
    one_hot = F.one_hot(codes, predicted.shape[1]).movedim(-1, 1).to(predicted.dtype)
    return one_hot.where(known[:, None], predicted)
