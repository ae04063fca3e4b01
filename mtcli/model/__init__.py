"""Encoder-decoders: tensors in, tensors out. Nothing here knows text or files.

Dimension letters: B sentences, S source length, T target length, D model width, H heads, V vocabulary,
K beams of a sentence, R = B x K rows that are decoded side by side.
"""

from __future__ import annotations

from mtcli.config import ModelConfig
from mtcli.model.base import DecoderState, EncoderDecoder
from mtcli.model.layers import matmul_dtype
from mtcli.model.rnn import RecurrentModel
from mtcli.model.transformer import Transformer
from mtcli.vocab import VocabSizes

__all__ = ["DecoderState", "EncoderDecoder", "build", "matmul_dtype"]


def build(config: ModelConfig, vocab: VocabSizes) -> EncoderDecoder:
    """A model with fresh random weights."""
    match config.architecture:
        case "transformer":
            return Transformer(config, vocab)
        case "rnn":
            return RecurrentModel(config, vocab)
