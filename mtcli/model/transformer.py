"""The Transformer (Vaswani et al. 2017), pre-norm (Xiong et al. 2020): a shape that CTranslate2 can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtcli.config import ModelConfig
from mtcli.model.base import DecoderState, EncoderDecoder
from mtcli.model.layers import Dropout, Linear, Ready, map_in
from mtcli.vocab import VocabSizes

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of an attention, each [B, H, S, D/H]."""


ROOM = 16
"""Positions by which the keys and values of a prefix grow at once."""


@dataclass(frozen=True)
class TransformerState(DecoderState):
    """Keys and values that are not computed again. A step writes into the prefix of the state that it goes on from.

    Those of a row stay where they are when rows are put in another order: what each row sees of them is what changes.
    """

    memory: tuple[KeysValues, ...]
    """For each decoder layer keys and values of the source sentences, S positions."""
    memory_bias: Tensor
    """[B, 1, 1, S], 0 where a token is real, else -inf."""
    prefix: tuple[KeysValues, ...]
    """For each decoder layer keys and values of B' sentences at the N positions that their rows ever had, and room for more."""
    kept: Tensor | None
    """[B], which of the B' sentences are left: the others go when the next position comes; None: all are."""
    seen: Tensor
    """[B, K, N], 0 for the positions of a row's own prefix, else -inf."""
    length: int
    """Positions of each row's own prefix."""

    def reorder(self, index: Tensor) -> TransformerState:
        """See DecoderState. The memory stays: it belongs to the sentence, not to the row."""
        shape = (len(self.seen), len(index) // len(self.seen), self.seen.size(2))
        return replace(self, seen=self.seen.flatten(0, 1).index_select(0, index).view(shape))

    def select(self, index: Tensor) -> TransformerState:
        """See DecoderState."""
        memory = tuple((keys.index_select(0, index), values.index_select(0, index)) for keys, values in self.memory)
        bias, seen = self.memory_bias.index_select(0, index), self.seen.index_select(0, index)
        return replace(self, memory=memory, memory_bias=bias, kept=index if self.kept is None else self.kept[index], seen=seen)

    def padded(self, length: int) -> TransformerState:
        """See DecoderState."""
        more = length - self.memory_bias.size(-1)
        bias = F.pad(self.memory_bias, (0, more), value=-math.inf)
        return replace(self, memory=_grown(self.memory, more), memory_bias=bias)

    def joined(self, others: Sequence[TransformerState]) -> TransformerState:
        """See DecoderState."""
        states = [self, *others]
        missing = [max(state.seen.size(2) for state in states) - each.seen.size(2) for each in states]
        memory = _joined([state.memory for state in states])
        bias = torch.cat([state.memory_bias for state in states])
        prefix = _joined([_grown(state._moved(0), more) for state, more in zip(states, missing, strict=True)])
        seen = torch.cat([F.pad(state.seen, (0, more), value=-math.inf) for state, more in zip(states, missing, strict=True)])
        return TransformerState(memory, bias, prefix, None, seen, self.length)

    def with_room(self) -> TransformerState:
        """The same with room for one more position of each row."""
        _, beams, positions = self.seen.shape
        if self.kept is None and positions + beams <= self.prefix[0][0].size(2):
            return self
        return replace(self, prefix=self._moved((ROOM - self.length % ROOM) * beams), kept=None)

    def _moved(self, room: int) -> tuple[KeysValues, ...]:
        """The prefix of the sentences that are left, in memory of its own, with room for so many positions more."""
        return tuple((self._moved_one(keys, room), self._moved_one(values, room)) for keys, values in self.prefix)

    def _moved_one(self, x: Tensor, room: int) -> Tensor:
        sentences, _, positions = self.seen.shape
        found = x.new_empty(sentences, x.size(1), positions + room, x.size(3))
        old, new = (each[:, :, :positions] for each in (x, found))
        if self.kept is None:
            new.copy_(old)
        else:
            torch.index_select(old, 0, self.kept, out=new)
        return found


def _grown(pairs: tuple[KeysValues, ...], more: int) -> tuple[KeysValues, ...]:
    """With so many positions of zeros at the end."""
    if not more:
        return pairs
    return tuple((F.pad(keys, (0, 0, 0, more)), F.pad(values, (0, 0, 0, more))) for keys, values in pairs)


def _joined(several: list[tuple[KeysValues, ...]]) -> tuple[KeysValues, ...]:
    """Those of several batches, layer by layer."""
    return tuple(
        (torch.cat([keys for keys, _ in layer]), torch.cat([values for _, values in layer]))
        for layer in zip(*several, strict=True)
    )


class Attention(nn.Module):
    """Multi-head attention; keys and values are computed apart, so that they can be kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = Linear(width, width)
        self.key_value = Linear(width, 2 * width)
        self.out = Linear(width, width)

    def queries(self, x: Tensor) -> Tensor:
        """Queries [B, H, T, D/H] of `x` [B, T, D]."""
        return self._split(_for_attention(self.query(x)))

    def keys_values(self, x: Tensor) -> KeysValues:
        """Keys and values of `x` [B, S, D]."""
        keys, values = _for_attention(self.key_value(x)).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def forward(self, query: Tensor, keys_values: KeysValues, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """[B, T, D] of T positions that attend to those where `mask` [B, 1, 1, S] is True, or (causal) to no later ones."""
        with torch.autocast(query.device.type, enabled=False):
            slow = query.requires_grad and query.dtype == torch.bfloat16 and not query.is_cuda
            attend = _attend if slow else F.scaled_dot_product_attention
            mixed = attend(query, *keys_values, mask, is_causal=causal)
        return cast(Tensor, self.out(mixed.transpose(1, 2).flatten(2)))

    def ask(self, query: Tensor, keys_values: KeysValues, bias: Tensor) -> Tensor:
        """As `forward` for few positions; `bias` [B, 1, 1 or T, S] is added to the products."""
        keys, values = keys_values
        return cast(Tensor, self.out((self.weights(query, keys, bias) @ values).transpose(1, 2).flatten(2)))

    def weights(self, query: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        """How much each of T positions looks at each of S in each head, [B, H, T, S]."""
        shape = (*query.shape[:3], keys.size(2))
        query, keys = (each.to(bias.dtype).flatten(0, 1) for each in (query, keys))
        bias = bias.expand(shape).flatten(0, 1)
        products = torch.baddbmm(bias, query, keys.transpose(1, 2), alpha=query.size(-1) ** -0.5)
        return products.softmax(-1, torch.promote_types(products.dtype, torch.float32)).to(products.dtype).view(shape)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.heads, -1).transpose(1, 2)


class SelfAttention(Attention, Ready):
    """Where queries, keys and values come of the same positions."""

    def make_ready(self, dtype: torch.dtype) -> None:
        """See Ready: queries, keys and values become one product."""
        maps = self.query, self.key_value
        weight, bias = (torch.cat([getattr(each, name).detach() for each in maps]) for name in ("weight", "bias"))
        self.ready = map_in(dtype, weight, bias)
        self.out.make_ready(dtype)

    def all_three(self, x: Tensor) -> tuple[Tensor, KeysValues]:
        """Queries, and keys and values, of `x` [B, T, D]."""
        if not self.ready:
            return self.queries(x), self.keys_values(x)
        queries, keys, values = _for_attention(self.ready(x)).chunk(3, dim=-1)
        return self._split(queries), (self._split(keys), self._split(values))


def _attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    """As scaled_dot_product_attention, whose gradients take a CPU several times longer in bfloat16."""
    scores = ((query * query.size(-1) ** -0.5) @ keys.transpose(2, 3)).float()
    unseen = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1) if mask is None else ~mask
    if is_causal or mask is not None:
        scores = scores + torch.zeros_like(unseen, dtype=torch.float32).masked_fill(unseen, -math.inf)
    return cast(Tensor, scores.softmax(-1).to(values.dtype) @ values)


def _for_attention(x: Tensor) -> Tensor:
    """On a CPU attention to short sentences is faster in float32 than in bfloat16, unless it has tiles for that (AMX)."""
    return x if torch.cpu._is_amx_tile_supported() else _in_float(x)


def _in_float(x: Tensor) -> Tensor:
    return x.float() if x.device.type == "cpu" and x.dtype == torch.bfloat16 else x


def _in_floats(keys_values: KeysValues) -> KeysValues:
    """Asking for little, a CPU is faster in float32 in any case."""
    return _in_float(keys_values[0]), _in_float(keys_values[1])


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = Linear(config.width, config.ff_width)
        self.outer = Linear(config.ff_width, config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return cast(Tensor, self.outer(self.dropout(F.relu(self.inner(x), inplace=True))))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each on a normalised input and added to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = SelfAttention(config.width, config.heads)
        self.ff_norm = nn.LayerNorm(config.width)
        self.ff = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x` [B, S, D] with `mask` [B, 1, 1, S]."""
        x = x + self.dropout(self.attention(*self.attention.all_three(self.attention_norm(x)), mask))
        return cast(Tensor, x + self.dropout(self.ff(self.ff_norm(x))))


class DecoderLayer(nn.Module):
    """Masked self-attention, attention to the memory, feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(config.width)
        self.self_attention = SelfAttention(config.width, config.heads)
        self.memory_norm = nn.LayerNorm(config.width)
        self.memory_attention = Attention(config.width, config.heads)
        self.ff_norm = nn.LayerNorm(config.width)
        self.ff = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, memory: KeysValues, mask: Tensor) -> Tensor:
        """All positions at once: `x` [B, T, D], `mask` [B, 1, 1, S]."""
        x = self.look_back(x)
        x = x + self.dropout(self.memory_attention(self.memory_attention.queries(self.memory_norm(x)), memory, mask))
        return cast(Tensor, x + self.dropout(self.ff(self.ff_norm(x))))

    def look_back(self, x: Tensor) -> Tensor:
        """The first part of `forward`, [B, T, D] to [B, T, D]."""
        return cast(Tensor, x + self.dropout(self.self_attention(*self.self_attention.all_three(self.self_norm(x)), causal=True)))

    def step(self, x: Tensor, memory: KeysValues, bias: Tensor, prefix: KeysValues, seen: Tensor) -> Tensor:
        """The last positions of `prefix`, whose keys and values are put there: `x` [B, K, D], the K rows of each sentence.

        `bias` [B, 1, 1, S] tells which positions of the memory are real, `seen` [B, 1, K, N] which of the prefix are a row's own.
        """
        query, new = self.self_attention.all_three(self.self_norm(x))
        for kept, coming in zip(prefix, new, strict=True):
            kept[:, :, -x.size(1) :] = coming
        x = x + self.self_attention.ask(query, prefix, seen)
        x = x + self.memory_attention.ask(self.memory_attention.queries(self.memory_norm(x)), memory, bias)
        return cast(Tensor, x + self.ff(self.ff_norm(x)))


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

    def matrices(self) -> list[Tensor]:
        """See EncoderDecoder: those of all linear maps."""
        return [module.weight for module in self.modules() if isinstance(module, Linear)]

    def encode(self, src: Tensor, src_mask: Tensor) -> TransformerState:
        """See EncoderDecoder."""
        memory = self._read(src, src_mask)
        keys_values = tuple((keys.contiguous(), values.contiguous()) for keys, values in map(_in_floats, memory))
        like = keys_values[0][0]
        bias = torch.zeros_like(src_mask, dtype=like.dtype).masked_fill(~src_mask, -math.inf)[:, None, None]
        nothing = like.new_empty(len(src), like.size(1), 0, like.size(3))
        prefix = tuple((nothing, nothing) for _ in keys_values)
        return TransformerState(keys_values, bias, prefix, None, like.new_empty(len(src), 1, 0), 0)

    def _read(self, src: Tensor, src_mask: Tensor) -> list[KeysValues]:
        """Of each decoder layer the keys and values of the memory."""
        x = self._place(self.src_embedding, src)
        mask = src_mask[:, None, None]
        for layer in self.encoder:
            x = layer(x, mask)
        memory = self.encoder_norm(x)
        return [cast(DecoderLayer, layer).memory_attention.keys_values(memory) for layer in self.decoder]

    @torch.no_grad()
    def advance(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, TransformerState]:
        """See EncoderDecoder. Without gradients: what earlier steps have read is written over."""
        state = cast(TransformerState, state).with_room()
        sentences, beams, _ = state.seen.shape
        itself = state.seen.new_full((beams, beams), -math.inf).fill_diagonal_(0)
        seen = torch.cat([state.seen, itself.expand(sentences, -1, -1)], dim=2)
        x = self._place(self.tgt_embedding, tokens[:, None], first=state.length).view(sentences, beams, -1)
        for layer, memory, (keys, values) in zip(self.decoder, state.memory, state.prefix, strict=True):
            prefix = keys[:, :, : seen.size(2)], values[:, :, : seen.size(2)]
            x = cast(DecoderLayer, layer).step(x, memory, state.memory_bias, prefix, seen[:, None])
        return self.decoder_norm(x).flatten(0, 1), replace(state, seen=seen, length=state.length + 1)

    def features(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """See EncoderDecoder. Padding stands at the end, so that looking back never sees it."""
        x = self._place(self.tgt_embedding, tgt_in)
        mask = src_mask[:, None, None]
        for layer, memory in zip(self.decoder, self._read(src, src_mask), strict=True):
            x = layer(x, memory, mask)
        return cast(Tensor, self.decoder_norm(x))

    def attention(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """See EncoderDecoder. The attentions are the heads of all layers."""
        state = self.encode(src, src_mask)
        x = self._place(self.tgt_embedding, tgt_in)
        looks = []
        for layer, memory in zip(cast("list[DecoderLayer]", self.decoder), state.memory, strict=True):
            query = layer.memory_attention.queries(layer.memory_norm(layer.look_back(x)))
            looks.append(layer.memory_attention.weights(query, memory[0], state.memory_bias))
            x = layer(x, memory, src_mask[:, None, None])
        return torch.cat(looks, dim=1)

    def _place(self, embedding: nn.Embedding, ids: Tensor, first: int = 0) -> Tensor:
        """[B, T, D] for `ids` [B, T] that stand at positions `first` and after."""
        positions = sinusoids(first, ids.size(1), embedding.embedding_dim).to(embedding.weight)
        return cast(Tensor, self.dropout(self.embed(embedding, ids) + positions))


def sinusoids(first: int, length: int, width: int) -> Tensor:
    """[T, D]: sines in the first half, cosines in the second, of positions from `first` (Vaswani et al. 2017, §3.5)."""
    frequencies = torch.exp(torch.arange(width // 2) * (-2 * math.log(10_000) / width))
    angles = torch.arange(first, first + length)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
