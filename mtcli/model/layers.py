"""Parts that both architectures use."""

from __future__ import annotations

import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 32
"""Rows are filled up to a multiple of this for products in bfloat16."""

Map = Callable[[Tensor], Tensor]
"""A linear map for decoding, [..., inputs] to [..., outputs]. A row gives the same whatever others are computed with it."""


def map_in(dtype: torch.dtype, weight: Tensor, bias: Tensor | None) -> Map:
    """The map of `weight` [outputs, inputs], with its products in `dtype`: float32, bfloat16 or int8."""
    if dtype == torch.int8:
        return _MapOfBytes(weight, bias)
    if dtype == torch.bfloat16:
        return _MapOfHalves(weight, bias)
    return functools.partial(F.linear, weight=weight, bias=bias)


class _MapOfHalves:
    """In bfloat16. There oneDNN makes code for each new number of rows, so that these are filled up to few numbers, and the
    weight is laid out for it once.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._bias = None if bias is None else bias.bfloat16()
        self._packed = _offers(torch.ops.mkldnn, "_reorder_linear_weight", "_linear_pointwise") and weight.device.type == "cpu"
        self._weight = weight.bfloat16()
        if self._packed:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(self._weight)

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.size(-1))
        filled = rows.new_empty(-(-len(rows) // ROWS) * ROWS, x.size(-1), dtype=torch.bfloat16)
        filled[: len(rows)] = rows
        found = (
            torch.ops.mkldnn._linear_pointwise(filled, self._weight, self._bias, "none", [], "")
            if self._packed
            else F.linear(filled, self._weight, self._bias)
        )
        return cast(Tensor, found[: len(rows)].view(*x.shape[:-1], -1))


class _MapOfBytes:
    """In int8 by FBGEMM, float32 in and out: each row of the weight and each row that is read has a scale of its own."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        scales = weight.abs().amax(1).clamp_min(1e-9) / 127
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.quantize_per_tensor")  # is to go one day: see `_multiplies_bytes`
            quantized = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        self._bias = weight.new_zeros(len(weight)) if bias is None else bias
        self._steps = 127 if torch.cpu._is_vnni_supported() else 63  # without VNNI two products are added in 16 bits
        self._packed = torch.ops.quantized.linear_prepack(quantized, None)

    def __call__(self, x: Tensor) -> Tensor:
        largest = x.abs().amax(-1, keepdim=True).clamp_min_(1e-9)
        product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        found = product(x / largest, 1 / self._steps, self._steps + 1, self._packed)
        return torch.addcmul(self._bias, found, largest, out=found)


def _offers(library: Any, *names: str) -> bool:
    """Whether torch has these, which another version may lack."""
    return all(hasattr(library, name) for name in names)


class Ready(ABC):
    """A module whose weights can be laid out once for decoding; `ready` then takes the place of its products."""

    ready: Map | None = None

    @abstractmethod
    def make_ready(self, dtype: torch.dtype) -> None:
        """From now on compute with the weights as they are, in `dtype`."""


def make_ready(module: nn.Module, dtype: torch.dtype) -> None:
    """Make ready all that can be in a module."""
    if isinstance(module, Ready):
        module.make_ready(dtype)
    else:
        for child in module.children():
            make_ready(child, dtype)


class Linear(nn.Linear, Ready):
    """A linear map."""

    def make_ready(self, dtype: torch.dtype) -> None:
        """See Ready."""
        self.ready = map_in(dtype, self.weight.detach(), None if self.bias is None else self.bias.detach())

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


def decoding_dtype(precision: str, device: torch.device) -> torch.dtype:
    """As `matmul_dtype`, without gradients: `auto` is int8 on a CPU, unless it has tiles for bfloat16 (AMX)."""
    on_cpu = precision == "auto" and device.type == "cpu" and not torch.cpu._is_amx_tile_supported()
    return torch.int8 if on_cpu and _multiplies_bytes() else matmul_dtype(precision, device)


def _multiplies_bytes() -> bool:
    """Whether torch has FBGEMM here, which needs AVX2, and tensors that know their scales, which it says will go one day."""
    names = "linear_prepack", "linear_with_input_q_dq_qweight_dq_output_fp32"
    fbgemm = torch.backends.quantized.engine in {"x86", "fbgemm"} and _offers(torch.ops.quantized, *names)
    return fbgemm and _offers(torch, "quantize_per_channel") and _offers(torch.cpu, "_is_vnni_supported")
