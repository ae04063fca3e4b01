"""The one seam: what training and search know of a model."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self, cast

import torch
from torch import Tensor, nn

from mtcli.model.layers import Dropout, make_ready
from mtcli.vocab import PAD_ID, VocabSizes


class DecoderState(ABC):
    """What decoding carries from position to position: R = B x K rows, the K rows of a sentence side by side."""

    @abstractmethod
    def reorder(self, index: Tensor) -> Self:
        """A state whose row i goes on from row `index[i]` (int64); rows stay with their sentence, K may change."""

    @abstractmethod
    def select(self, index: Tensor) -> Self:
        """A state of the sentences in `index` (int64 [B']) alone, each with all its rows."""

    @abstractmethod
    def padded(self, length: int) -> Self:
        """A state with room for `length` source positions, at which nothing looks."""

    @abstractmethod
    def joined(self, others: Sequence[Self]) -> Self:
        """A state of these sentences and those of `others`, in memory of its own.

        All are at the same position, with as many rows a sentence and sources padded to the same length.
        """


class EncoderDecoder(nn.Module, ABC):
    """A model that reads a source sentence and writes a target sentence, position by position.

    Ids are int64; a mask is True where a token is real. Source and target sentences end in EOS,
    `tgt_in` begins with BOS; padding stands at the end.
    """

    def __init__(self, width: int, vocab: VocabSizes, dropout: float) -> None:
        super().__init__()
        self.tgt_embedding = _embedding(vocab.embedded, width)
        self.src_embedding = self.tgt_embedding if vocab.shared else _embedding(vocab.src, width)
        self.embedding_scale = math.sqrt(width)
        self.output_bias = nn.Parameter(torch.zeros(vocab.tgt))
        self.dropout = Dropout(dropout)

    @property
    def size(self) -> int:
        """How many numbers its weights are."""
        return sum(parameter.numel() for parameter in self.parameters())

    @abstractmethod
    def encode(self, src: Tensor, src_mask: Tensor) -> DecoderState:
        """Read `src` [B, S] with `src_mask` [B, S]: the state before the first target position, one row a sentence."""

    @abstractmethod
    def advance(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Features [R, D] after one more `tokens` [R] in each row, and the state that follows. The prefix is not run again."""

    @abstractmethod
    def features(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """Features [B, T, D] of all target positions at once (teacher forcing)."""

    @abstractmethod
    def attention(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """How much each target piece that follows a position of `tgt_in` looks at each source position, [B, A, T, S].

        A is the number of attentions that the model has; rows sum to 1. They tell which words translate which.
        """

    def matrices(self) -> list[Tensor]:
        """The weights that training changes as matrices (`training.optimizer`), not number by number: none."""
        return []

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Logits [R, V] of what follows one more `tokens` [R] in each row, and the state after it."""
        features, state = self.advance(tokens, state)
        return self.project(features), state

    def forward(self, src: Tensor, src_mask: Tensor, tgt_in: Tensor) -> Tensor:
        """Logits [B, T, V] of what follows each position of `tgt_in` [B, T] (teacher forcing)."""
        return self.project(self.features(src, src_mask, tgt_in))

    def load_parameters(self, tensors: dict[str, Tensor]) -> None:
        """Copy `tensors` into the parameters of the same names; a model on the meta device gets its memory now.

        Raises ValueError unless names, types and shapes agree and all values are numbers.
        """
        parameters = dict(self.named_parameters())
        if parameters.keys() != tensors.keys():
            raise ValueError(f"tensors {sorted(parameters.keys() ^ tensors.keys())[:3]} are missing or too many")
        for name, parameter in parameters.items():
            if parameter.shape != tensors[name].shape:
                raise ValueError(f"{name} has shape {tuple(tensors[name].shape)}, not {tuple(parameter.shape)}")
            if tensors[name].dtype != torch.float32:
                raise ValueError(f"{name} is of type {str(tensors[name].dtype).removeprefix('torch.')}, not float32")
            if not tensors[name].isfinite().all():
                raise ValueError(f"{name} holds values that are not numbers")
        for module in self.modules() if self.output_bias.is_meta else ():  # nn.Module.to_empty would load sympy first
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(torch.empty(parameter.shape)))
        for name, parameter in self.named_parameters():
            parameter.data.copy_(tensors[name])

    def with_products_in(self, dtype: torch.dtype) -> Self:
        """One for decoding, with the same weights, whose products are computed in `dtype`; the model itself for float32."""
        if dtype == torch.float32:
            return self
        model = copy.deepcopy(self, {id(parameter): parameter for parameter in self.parameters()})
        make_ready(model, dtype)
        return model

    def embed(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        """Vectors [..., D] of `ids` [...], of unit variance at the start: as an output matrix the same weights must be small."""
        return cast(Tensor, embedding(ids) * self.embedding_scale)

    @property
    def output_weight(self) -> Tensor:
        """The output matrix [V, D], which is the embedding of the target pieces (Press & Wolf 2017)."""
        return self.tgt_embedding.weight[: len(self.output_bias)]

    def project(self, features: Tensor) -> Tensor:
        """Logits [..., V] of features [..., D]."""
        return nn.functional.linear(features, self.output_weight, self.output_bias)


def _embedding(size: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(size, width, padding_idx=PAD_ID)
    nn.init.normal_(embedding.weight, std=width**-0.5)
    with torch.no_grad():
        embedding.weight[PAD_ID] = 0
    return embedding
