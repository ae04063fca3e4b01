"""The recurrent model: bidirectional LSTM encoder, LSTM decoder with Luong attention and input feeding.

Luong, Pham & Manning 2015, "Effective Approaches to Attention-based Neural Machine Translation":
global attention with the `general` score (§3.1) and input feeding (§3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mtcli.config import ModelConfig
from mtcli.model.base import DecoderState, EncoderDecoder
from mtcli.model.layers import Dropout, rows_of
from mtcli.vocab import VocabSizes


@dataclass(frozen=True)
class RecurrentState(DecoderState):
    """The source as read, and where each row is."""

    memory: Tensor
    """[B, S, hidden], of the B source sentences."""
    keys: Tensor
    """[B, S, hidden], what the decoder's state is compared with."""
    memory_mask: Tensor
    """[B, S], True where a token is real."""
    hidden: tuple[Tensor, ...]
    """For each layer, [R, hidden]."""
    cells: tuple[Tensor, ...]
    """For each layer, [R, hidden]."""
    fed: Tensor
    """[R, D], the features of the last position, which the next one reads."""

    def reorder(self, index: Tensor) -> RecurrentState:
        """See DecoderState. The memory stays: it belongs to the sentence, not to the row."""
        return self._rows(self.memory, self.keys, self.memory_mask, index)

    def select(self, index: Tensor) -> RecurrentState:
        """See DecoderState."""
        rows = rows_of(index, len(self.fed) // len(self.memory))
        return self._rows(self.memory[index], self.keys[index], self.memory_mask[index], rows)

    def padded(self, length: int) -> RecurrentState:
        """See DecoderState."""
        more = length - self.memory.size(1)
        memory, keys = (nn.functional.pad(each, (0, 0, 0, more)) for each in (self.memory, self.keys))
        return replace(self, memory=memory, keys=keys, memory_mask=nn.functional.pad(self.memory_mask, (0, more)))

    def joined(self, others: Sequence[RecurrentState]) -> RecurrentState:
        """See DecoderState."""
        states = [self, *others]
        memory, keys, mask, fed = (
            torch.cat(parts) for parts in zip(*((s.memory, s.keys, s.memory_mask, s.fed) for s in states), strict=True)
        )
        hidden = tuple(map(torch.cat, zip(*(state.hidden for state in states), strict=True)))
        cells = tuple(map(torch.cat, zip(*(state.cells for state in states), strict=True)))
        return RecurrentState(memory, keys, mask, hidden, cells, fed)

    def _rows(self, memory: Tensor, keys: Tensor, memory_mask: Tensor, rows: Tensor) -> RecurrentState:
        hidden, cells = tuple(h[rows] for h in self.hidden), tuple(c[rows] for c in self.cells)
        return RecurrentState(memory, keys, memory_mask, hidden, cells, self.fed[rows])


class RecurrentModel(EncoderDecoder):
    """See the module. Embeddings and the decoder's features have width D, the LSTMs `hidden` units."""

    def __init__(self, config: ModelConfig, vocab: VocabSizes) -> None:
        super().__init__(config.width, vocab, config.dropout)
        width, hidden = config.width, config.hidden
        between = config.dropout if config.encoder_layers > 1 else 0.0
        self.encoder = nn.LSTM(width, hidden // 2, config.encoder_layers, batch_first=True, dropout=between, bidirectional=True)
        self.bridge = nn.Linear(hidden, 2 * config.decoder_layers * hidden)
        inputs = [width + width] + [hidden] * (config.decoder_layers - 1)
        self.decoder = nn.ModuleList(nn.LSTMCell(size, hidden) for size in inputs)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.attentional = nn.Linear(2 * hidden, width, bias=False)
        self.feature_dropout = Dropout(config.dropout)

    def encode(self, src: Tensor, src_mask: Tensor) -> RecurrentState:
        """See EncoderDecoder. The decoder starts from the mean of the memory."""
        embedded = self.dropout(self.embed(self.src_embedding, src))
        packed = pack_padded_sequence(embedded, src_mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        memory, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True, total_length=src.size(1))
        memory = self.dropout(memory)
        mean = memory.sum(1) / src_mask.sum(1, keepdim=True)
        start = torch.tanh(self.bridge(mean)).chunk(2 * len(self.decoder), dim=1)
        layers = len(self.decoder)
        fed = memory.new_zeros(len(src), self.tgt_embedding.embedding_dim)
        keys = self.key(memory)
        memory = memory.to(keys.dtype)  # once, not at each position
        return RecurrentState(memory, keys, src_mask, start[:layers], start[layers:], fed)

    def advance(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, RecurrentState]:
        """See EncoderDecoder."""
        return self._advance(self.dropout(self.embed(self.tgt_embedding, tokens)), cast(RecurrentState, state))

    def features(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """See EncoderDecoder. Input feeding makes each position wait for the one before."""
        return torch.stack([features for features, _ in self._positions(src, src_mask, tgt_in)], dim=1)

    def attention(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """See EncoderDecoder."""
        looks = [attention_weights(state.hidden[-1], state)[:, 0] for _, state in self._positions(src, src_mask, tgt_in)]
        return torch.stack(looks, dim=1)[:, None]

    def _positions(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Iterator[tuple[Tensor, RecurrentState]]:
        """The features of each position and the state after it."""
        state = self.encode(src, src_mask)
        for embedded in self.dropout(self.embed(self.tgt_embedding, tgt_in)).unbind(1):
            features, state = self._advance(embedded, state)
            yield features, state

    def _advance(self, embedded: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """One position: `embedded` [R, D] to features [R, D]."""
        x = torch.cat([embedded, state.fed], dim=1)
        hidden, cells = [], []
        for layer, before in zip(self.decoder, zip(state.hidden, state.cells, strict=True), strict=True):
            h, c = layer(x, before)
            hidden.append(h)
            cells.append(c)
            x = self.dropout(h)
        context = attend(x, state)
        features = self.feature_dropout(torch.tanh(self.attentional(torch.cat([context, x], dim=1))))
        return features, RecurrentState(state.memory, state.keys, state.memory_mask, tuple(hidden), tuple(cells), features)


def attend(query: Tensor, state: RecurrentState) -> Tensor:
    """The memory [R, hidden] that `query` [R, hidden] points at; the K rows of a sentence ask its memory together."""
    return (attention_weights(query, state) @ state.memory).view(query.shape)


def attention_weights(query: Tensor, state: RecurrentState) -> Tensor:
    """How much each row of `query` [R, hidden] looks at each source position, [B, K, S]."""
    beams = query.view(len(state.memory), -1, query.size(1))
    scores = beams @ state.keys.transpose(1, 2)
    return scores.masked_fill(~state.memory_mask[:, None], float("-inf")).softmax(-1)
