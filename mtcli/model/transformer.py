"""The Transformer (Vaswani et al. 2017), pre-norm (Xiong et al. 2020): a shape that CTranslate2 can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtcli.config import ModelConfig
from mtcli.model.base import DecoderState, EncoderDecoder
from mtcli.model.layers import Dropout, rows_of
from mtcli.vocab import VocabSizes

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of an attention, each [B, H, S, D/H]."""


@dataclass(frozen=True)
class TransformerState(DecoderState):
    """Keys and values that are not computed again."""

    memory: tuple[KeysValues, ...]
    """For each decoder layer, of the B source sentences."""
    memory_mask: Tensor
    """[B, S], True where a token is real."""
    prefix: tuple[KeysValues, ...]
    """For each decoder layer, of the positions that the R rows have so far; none at the start."""
    length: int
    """Number of those positions."""
    rows: int
    """R."""

    def reorder(self, index: Tensor) -> TransformerState:
        """See DecoderState. The memory stays: it belongs to the sentence, not to the row."""
        return TransformerState(self.memory, self.memory_mask, _take(self.prefix, index), self.length, len(index))

    def select(self, index: Tensor) -> TransformerState:
        """See DecoderState."""
        rows = rows_of(index, self.rows // len(self.memory_mask))
        return TransformerState(
            _take(self.memory, index), self.memory_mask[index], _take(self.prefix, rows), self.length, len(rows)
        )


def _take(layers: tuple[KeysValues, ...], index: Tensor) -> tuple[KeysValues, ...]:
    return tuple((keys[index], values[index]) for keys, values in layers)


class Attention(nn.Module):
    """Multi-head attention; keys and values are computed apart, so that they can be kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def keys_values(self, x: Tensor) -> KeysValues:
        """Keys and values of `x` [B, S, D]."""
        keys, values = self.key_value(x).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def forward(self, x: Tensor, keys_values: KeysValues, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """`x` [B, T, D] attends to the positions where `mask` [B, 1, 1, S] is True, or (causal) to no later one."""
        keys, values = keys_values
        mixed = _attend(self._split(self.query(x)), keys, values, mask, causal)
        return cast(Tensor, self.out(mixed.transpose(1, 2).flatten(2)))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.heads, -1).transpose(1, 2)


def _attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:  # slower there than float32 on short sentences
        with torch.autocast("cpu", enabled=False):
            return F.scaled_dot_product_attention(query.float(), keys.float(), values.float(), mask, is_causal=causal)
    return F.scaled_dot_product_attention(query, keys, values, mask, is_causal=causal)


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(config.width, config.ff_width)
        self.outer = nn.Linear(config.ff_width, config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return cast(Tensor, self.outer(self.dropout(F.relu(self.inner(x)))))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each on a normalised input and added to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.ff_norm = nn.LayerNorm(config.width)
        self.ff = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x` [B, S, D] with `mask` [B, 1, 1, S]."""
        normed = self.attention_norm(x)
        x = x + self.dropout(self.attention(normed, self.attention.keys_values(normed), mask))
        return cast(Tensor, x + self.dropout(self.ff(self.ff_norm(x))))


class DecoderLayer(nn.Module):
    """Masked self-attention, attention to the memory, feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(config.width)
        self.self_attention = Attention(config.width, config.heads)
        self.memory_norm = nn.LayerNorm(config.width)
        self.memory_attention = Attention(config.width, config.heads)
        self.ff_norm = nn.LayerNorm(config.width)
        self.ff = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, memory: KeysValues, mask: Tensor) -> Tensor:
        """All positions at once: `x` [B, T, D], `mask` [B, 1, 1, S]."""
        normed = self.self_norm(x)
        x = x + self.dropout(self.self_attention(normed, self.self_attention.keys_values(normed), causal=True))
        x = x + self.dropout(self.memory_attention(self.memory_norm(x), memory, mask))
        return cast(Tensor, x + self.dropout(self.ff(self.ff_norm(x))))

    def step(self, x: Tensor, memory: KeysValues, mask: Tensor, prefix: KeysValues | None) -> tuple[Tensor, KeysValues]:
        """One position of each row: `x` [R, D]; returns its output and the prefix with it appended."""
        normed = self.self_norm(x)[:, None]
        keys, values = self.self_attention.keys_values(normed)
        if prefix is not None:
            keys, values = torch.cat([prefix[0], keys], dim=2), torch.cat([prefix[1], values], dim=2)
        x = x + self.self_attention(normed, (keys, values))[:, 0]
        beams = self.memory_norm(x).view(len(mask), -1, x.size(-1))  # the K rows of a sentence ask its memory together
        x = x + self.memory_attention(beams, memory, mask).reshape(x.shape)
        return x + self.ff(self.ff_norm(x)), (keys, values)


class Transformer(EncoderDecoder):
    """Sinusoidal positions, one embedding matrix for input and output."""

    def __init__(self, config: ModelConfig, vocab: VocabSizes) -> None:
        super().__init__(config.width, vocab, config.dropout)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.encoder_norm = nn.LayerNorm(config.width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(config.width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def encode(self, src: Tensor, src_mask: Tensor) -> TransformerState:
        """See EncoderDecoder."""
        x = self._place(self.src_embedding, src)
        mask = src_mask[:, None, None]
        for layer in self.encoder:
            x = layer(x, mask)
        memory = self.encoder_norm(x)
        keys_values = tuple(cast(DecoderLayer, layer).memory_attention.keys_values(memory) for layer in self.decoder)
        return TransformerState(keys_values, src_mask, (), 0, len(src))

    def advance(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, TransformerState]:
        """See EncoderDecoder."""
        state = cast(TransformerState, state)
        x = self._place(self.tgt_embedding, tokens[:, None], first=state.length)[:, 0]
        mask = state.memory_mask[:, None, None]
        prefix = []
        for i, layer in enumerate(self.decoder):
            past = state.prefix[i] if state.length else None
            x, keys_values = cast(DecoderLayer, layer).step(x, state.memory[i], mask, past)
            prefix.append(keys_values)
        return self.decoder_norm(x), TransformerState(
            state.memory, state.memory_mask, tuple(prefix), state.length + 1, len(tokens)
        )

    def features(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """See EncoderDecoder. Padding stands at the end, so that looking back never sees it."""
        state = self.encode(src, src_mask)
        x = self._place(self.tgt_embedding, tgt_in)
        mask = src_mask[:, None, None]
        for layer, memory in zip(self.decoder, state.memory, strict=True):
            x = layer(x, memory, mask)
        return cast(Tensor, self.decoder_norm(x))

    def _place(self, embedding: nn.Embedding, ids: Tensor, first: int = 0) -> Tensor:
        """[B, T, D] for `ids` [B, T] that stand at positions `first` and after."""
        positions = sinusoids(first, ids.size(1), embedding.embedding_dim).to(embedding.weight)
        return cast(Tensor, self.dropout(self.embed(embedding, ids) + positions))


def sinusoids(first: int, length: int, width: int) -> Tensor:
    """[T, D]: sines in the first half, cosines in the second, of positions from `first` (Vaswani et al. 2017, §3.5)."""
    frequencies = torch.exp(torch.arange(width // 2) * (-2 * math.log(10_000) / width))
    angles = torch.arange(first, first + length)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
