"""What training makes small. Loss and gradient are found in one sweep over a few tokens at a time, which stay in the cache.

Autograd alone would write and read several tensors as large as all logits. Here there is one: the gradient takes their place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

SWEEP = {"cpu": 2**18, "cuda": 2**26}
"""Logits that are looked at together: few enough to stay in the cache, or to fill a GPU."""


class CrossEntropy(torch.autograd.Function):
    """Cross-entropy in nats against targets that are smoothed over all pieces, [N], as torch.nn.functional has it."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        """`logits` [N, V], which are overwritten, and `targets` [N]."""
        count, vocab = logits.shape
        losses = []
        size = max(1, SWEEP[logits.device.type] // vocab)
        for part in (slice(i, i + size) for i in range(0, count, size)):
            chosen = targets[part, None]
            scores = logits[part].to(torch.promote_types(logits.dtype, torch.float32))
            probabilities = scores.softmax(-1)
            total = scores.amax(-1, keepdim=True) - probabilities.amax(-1, keepdim=True).log()  # log of the sum of exponentials
            smoothed = (1 - label_smoothing) * scores.gather(-1, chosen) + label_smoothing * scores.mean(-1, keepdim=True)
            losses.append((total - smoothed)[:, 0])
            slope = probabilities.sub_(label_smoothing / vocab)
            slope.scatter_add_(-1, chosen, slope.new_full(chosen.shape, label_smoothing - 1))
            logits[part] = slope
        ctx.save_for_backward(logits)
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        """The gradient in `logits`; the rest is given."""
        [gradient] = ctx.saved_tensors
        return gradient.mul_(outer[0][:, None].to(gradient.dtype)), None, None


class RDropLoss(torch.autograd.Function):
    """R-Drop (Liang et al. 2021): two passes with different dropout shall agree.

    Smoothed cross-entropy, the mean of two passes, and `weight` / 4 of their divergence in both directions: [N]. That is half of
    the paper's loss, so that losses with and without R-Drop are of one size.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, label_smoothing: float, weight: float) -> Tensor:
        """`logits` [2N, V] of the first and of the second pass, which are overwritten, and `targets` [N]."""
        count, vocab = len(targets), logits.size(1)
        pairs = logits.view(2, count, vocab)
        losses = []
        size = max(1, SWEEP[logits.device.type] // vocab)
        for part in (slice(i, i + size) for i in range(0, count, size)):
            chosen = targets[part].expand(2, -1)[..., None]
            scores = pairs[:, part].to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)
            probabilities = scores.exp()
            difference = scores - scores.flip(0)  # how much more likely this pass finds each piece than the other one does
            divergence = (probabilities * difference).sum(-1, keepdim=True)
            smoothed = (1 - label_smoothing) * scores.gather(-1, chosen) + label_smoothing * scores.mean(-1, keepdim=True)
            losses.append((weight / 4 * divergence - smoothed / 2).sum(0)[:, 0])
            # of the divergence in both directions, in the logits of one pass: p (difference - divergence) + (p - p of the other)
            slope = (
                difference.sub_(divergence).mul_(probabilities).add_(probabilities).sub_(probabilities.flip(0)).mul_(weight / 4)
            )
            slope.add_(probabilities, alpha=0.5).sub_(label_smoothing / (2 * vocab))
            slope.scatter_add_(-1, chosen, slope.new_full(chosen.shape, (label_smoothing - 1) / 2))
            pairs[:, part] = slope
        ctx.save_for_backward(logits)
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient in `logits`; the rest is given."""
        [gradient] = ctx.saved_tensors
        return gradient.mul_(outer[0].repeat(2)[:, None].to(gradient.dtype)), None, None, None
