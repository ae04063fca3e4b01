"""Parts that both architectures use."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 32
"""Rows are filled up to a multiple of this for products in bfloat16."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`x` [..., inputs] to [..., outputs] in the type of the weights, which may be bfloat16 for decoding.

    There oneDNN makes code for each new number of rows, so that these are filled up to few numbers. A row gives the same
    whatever others are computed with it.
    """
    if weight.dtype != torch.bfloat16:
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.size(-1))
    filled = rows.new_empty(-(-len(rows) // ROWS) * ROWS, x.size(-1), dtype=weight.dtype)
    filled[: len(rows)] = rows
    return F.linear(filled, weight, bias)[: len(rows)].view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """A linear map by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] to [..., outputs]."""
        return linear(x, self.weight, self.bias)


class Dropout(nn.Module):
    """Dropout whose mask comes from raw random bytes on a CPU, where drawing a Bernoulli for each number is slow.

    There the probability is rounded to a 256th, and the scale fits the rounded one.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """`x` of any shape with entries set to zero at random while training, the others scaled up."""
        if not self.training or self.probability == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.probability)
        threshold = min(255, round(256 * self.probability))
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        keep = words.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
        return x * keep.to(x.dtype).mul_(256 / (256 - threshold))

    def extra_repr(self) -> str:
        """Shown when a model is printed."""
        return f"{self.probability}"


def rows_of(sentences: Tensor, beams: int) -> Tensor:
    """The rows [B' x K] of `sentences` [B'] when each has `beams` rows side by side."""
    return (sentences[:, None] * beams + torch.arange(beams, device=sentences.device)).flatten()


def matmul_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type of matrix products that `precision` stands for on this device: `auto` is bfloat16 where that is fast."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    fast = (
        torch.cuda.is_bf16_supported(including_emulation=False)
        if device.type == "cuda"
        else torch.cpu._is_avx512_bf16_supported()
    )
    return torch.bfloat16 if fast else torch.float32
