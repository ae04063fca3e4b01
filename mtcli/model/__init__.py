"""Encoder-decoders: tensors in, tensors out. Nothing here knows text or files.

Dimension letters: B sentences, S source length, T target length, D model width, H heads, V vocabulary,
K beams of a sentence, R = B x K rows that are decoded side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from mtcli.config import ModelConfig
from mtcli.model.base import DecoderState, EncoderDecoder
from mtcli.model.layers import decoding_dtype, matmul_dtype
from mtcli.model.rnn import RecurrentModel
from mtcli.model.transformer import Transformer
from mtcli.vocab import VocabSizes

__all__ = ["DecoderState", "EncoderDecoder", "build", "build_empty", "decoding_dtype", "matmul_dtype"]


def build(config: ModelConfig, vocab: VocabSizes) -> EncoderDecoder:
    """A model with fresh random weights."""
    match config.architecture:
        case "transformer":
            return Transformer(config, vocab)
        case "rnn":
            return RecurrentModel(config, vocab)


def build_empty(config: ModelConfig, vocab: VocabSizes) -> EncoderDecoder:
    """A model that takes no memory, whatever a hostile model.toml claims, until `load_parameters` gives it its weights."""
    with _Unset(), torch.device("meta"):
        return build(config, vocab)


class _Unset(TorchFunctionMode):
    """Leaves out what sets weights at random: without memory there is nothing to set, and PyTorch loads torch._dynamo for it."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in ("normal_", "uniform_", "kaiming_uniform_"):  # of torch.nn.init, or of a tensor
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
