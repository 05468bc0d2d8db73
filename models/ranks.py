"""Several processes that share one training, a device each.

Every rank runs its part of a batch through the network. Logits and labels are then gathered, so
that each computes the loss of the whole batch, and the gradients are added up: the result is that
of one process with the same batch, whatever terms the loss has. That holds for batch norm too,
whose statistics are those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from models.errors import TrainingError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """Which process this is, of how many; one alone is rank 0 of 1."""

    rank: int = 0
    size: int = 1

    @classmethod
    def here(cls) -> Ranks:
        """Find out: ``torch.distributed`` has been initialised, or this process is alone."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    def part(self, batch_size: int) -> slice:
        """Patches of a batch that are this rank's.

        Raises
        ------
        TrainingError
            The batch cannot be cut into equal parts.

        Examples
        --------
        >>> Ranks(1, 4).part(8)
        slice(2, 4, None)
        """
        each, left = divmod(batch_size, self.size)
        if left or not each:
            raise TrainingError("batch_size", found=f"{batch_size} for {self.size} processes",
                                expected="a multiple of their number", do="Change either")
        return slice(self.rank * each, (self.rank + 1) * each)

    def gathered(self, own: Tensor) -> Tensor:
        """Join the parts of all ranks along the first axis; gradients flow to the own part."""
        if self.size == 1:
            return own
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format)
                 for _ in range(self.size)]
        dist.all_gather(parts, own.detach().contiguous())
        parts[self.rank] = own
        return torch.cat(parts)

    def add_gradients(self, network: nn.Module) -> None:
        """Add up the gradients of all ranks, in place."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def agreed(self, find: Callable[[], Value]) -> Value:
        """Let rank 0 find something out, and all have it."""
        if self.size == 1:
            return find()
        box = [find() if self.rank == 0 else None]
        dist.broadcast_object_list(box)
        return cast(Value, box[0])

    def share_norms(self, network: nn.Module, device: torch.device) -> None:
        """Let batch norms see the whole batch, in place; names and weights stay as they are."""
        if self.size == 1:
            return
        for parent in list(network.modules()):
            for name, norm in list(parent.named_children()):
                if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
                    shared = _SharedNorm.like
                    if device.type == "cuda":
                        shared = nn.SyncBatchNorm.convert_sync_batchnorm
                    setattr(parent, name, shared(norm))


class _SharedNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batch of all ranks, on a CPU, for which torch has none."""

    @classmethod
    def like(cls, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> _SharedNorm:
        """Take over the weights and buffers of a batch norm."""
        made = cls(norm.num_features, norm.eps, norm.momentum, norm.affine)
        made.weight, made.bias = norm.weight, norm.bias
        made._buffers = norm._buffers
        return made

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes will do."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (batch, channel, ...) by all ranks' statistics, or by the running ones."""
        if not self.training:
            return super().forward(input)
        x = input.float()
        axes = (0, *range(2, x.ndim))
        shape = (1, -1, *(1 for _ in axes[1:]))
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean = _added(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = _added((centred * centred).sum(axes)) / count
        with torch.no_grad():
            share = float(self.momentum or 0.0)
            self.get_buffer("running_mean").lerp_(mean, share)
            self.get_buffer("running_var").lerp_(variance * (count / (count - 1)), share)
            self.get_buffer("num_batches_tracked").add_(1)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        shared: Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return shared


def _added(own: Tensor) -> Tensor:
    """Add up tensors of all ranks; gradients flow through."""
    added: Tensor = all_reduce(own)  # type: ignore[no-untyped-call]
    return added
