"""Parts that both architectures use."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 32
"""Rows are filled up to a multiple of this for products in bfloat16."""


class Map:
    """A linear map for decoding: `weight` [outputs, inputs] in its type, which may be bfloat16.

    There oneDNN makes code for each new number of rows, so that these are filled up to few numbers, and the weight is laid out
    for it once. A row gives the same whatever others are computed with it.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.dtype, self._bias = weight.dtype, bias
        self._packed = _packs(weight)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self._packed else weight

    def __call__(self, x: Tensor) -> Tensor:
        """[..., inputs] to [..., outputs]."""
        if self.dtype != torch.bfloat16:
            return F.linear(x, self._weight, self._bias)
        rows = x.reshape(-1, x.size(-1))
        filled = rows.new_empty(-(-len(rows) // ROWS) * ROWS, x.size(-1), dtype=self.dtype)
        filled[: len(rows)] = rows
        found = (
            torch.ops.mkldnn._linear_pointwise(filled, self._weight, self._bias, "none", [], "")
            if self._packed
            else F.linear(filled, self._weight, self._bias)
        )
        return cast(Tensor, found[: len(rows)].view(*x.shape[:-1], -1))


def _packs(weight: Tensor) -> bool:
    """Whether torch can lay this weight out for oneDNN: what its compiler uses, which another version may lack."""
    known = hasattr(torch.ops.mkldnn, "_reorder_linear_weight") and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return known and weight.dtype == torch.bfloat16 and weight.device.type == "cpu"


class Linear(nn.Linear):
    """A linear map that can be made ready for decoding."""

    ready: Map | None = None

    def make_ready(self, dtype: torch.dtype) -> None:
        """From now on compute with the weights as they are, in `dtype`."""
        self.to(dtype)
        self.ready = Map(self.weight.detach(), None if self.bias is None else self.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] to [..., outputs]."""
        return self.ready(x) if self.ready else super().forward(x)


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
        return x * keep.view(torch.uint8).to(x.dtype).mul_(256 / (256 - threshold))  # from bool the conversion is slow

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
