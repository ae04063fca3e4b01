"""Batches of token ids for training."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID


@dataclass(frozen=True)
class Batch:
    """Padded sentence pairs; masks are True where a token is real."""

    src: Tensor
    """[B, S] int64, each sentence ending in EOS."""
    src_mask: Tensor
    """[B, S] bool."""
    tgt_in: Tensor
    """[B, T] int64, BOS and the target sentence."""
    tgt_out: Tensor
    """[B, T] int64, the target sentence and EOS: what is to follow each position of `tgt_in`."""
    tgt_mask: Tensor
    """[B, T] bool."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        tensors = (self.src, self.src_mask, self.tgt_in, self.tgt_out, self.tgt_mask)
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in tensors))


class Sentences:
    """Many sentences of ids in one flat tensor, four bytes an id."""

    def __init__(self, flat: array[int], lengths: array[int]) -> None:
        """All ids one after the other, and how many of them each sentence has."""
        self.lengths = torch.tensor(lengths, dtype=torch.int64)
        self._flat = torch.frombuffer(flat, dtype=torch.int32) if flat else torch.zeros(0, dtype=torch.int32)
        self._starts = self.lengths.cumsum(0) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Tensor:
        start = int(self._starts[index])
        return self._flat[start : start + int(self.lengths[index])]


def pad(sentences: list[Tensor], multiple: int = 1) -> tuple[Tensor, Tensor]:
    """Ids [B, S] and mask [B, S] of sentences of ids, each with EOS put after it; S is a multiple of `multiple`."""
    eos = torch.tensor([EOS_ID])
    ids = pad_sequence([torch.cat([sentence, eos]) for sentence in sentences], batch_first=True, padding_value=PAD_ID)
    ids = F.pad(ids, (0, -ids.size(1) % multiple), value=PAD_ID)
    lengths = torch.tensor([len(sentence) + 1 for sentence in sentences])
    return ids, torch.arange(ids.size(1)) < lengths[:, None]


class ParallelCorpus:
    """Sentence pairs as ids, without BOS and EOS."""

    def __init__(self, pairs: Iterable[tuple[Sequence[int], Sequence[int]]]) -> None:
        sides = [(array("i"), array("i")), (array("i"), array("i"))]
        for pair in pairs:
            for (flat, lengths), ids in zip(sides, pair, strict=True):
                flat.extend(ids)
                lengths.append(len(ids))
        self.src, self.tgt = (Sentences(*side) for side in sides)
        self.lengths = torch.maximum(self.src.lengths, self.tgt.lengths) + 1
        """Positions that each pair takes on its longer side, EOS counted."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tgt_tokens(self) -> int:
        """Target tokens that are trained on in one epoch, EOS counted."""
        return int(self.tgt.lengths.sum()) + len(self)

    def batch(self, indices: list[int]) -> Batch:
        """The pairs of `indices`, padded."""
        src, src_mask = pad([self.src[i] for i in indices])
        tgt_out, tgt_mask = pad([self.tgt[i] for i in indices])
        tgt_in = torch.cat([torch.full((len(indices), 1), BOS_ID), tgt_out[:, :-1]], dim=1)
        tgt_in = tgt_in.masked_fill(~tgt_mask, PAD_ID)
        return Batch(src, src_mask, tgt_in, tgt_out, tgt_mask)

    def epoch(self, batch_tokens: int, seed: int, epoch: int) -> list[list[int]]:
        """Indices of the batches of one epoch, the same for the same arguments.

        Within pools of shuffled pairs, pairs of like length come together; the batches are then shuffled.
        """
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(self), generator=generator)
        batches: list[list[int]] = []
        sizes, stride = self.lengths.tolist(), int(self.src.lengths.max()) + 1
        size = max(1000, 50 * batch_tokens // max(1, int(self.lengths.float().mean())))
        for pool in torch.split(order, size):
            keys = self.tgt.lengths[pool] * stride + self.src.lengths[pool]
            batches += cut(pool[keys.argsort(stable=True)].tolist(), sizes, batch_tokens)
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]

    def in_order(self, batch_tokens: int) -> Iterator[Batch]:
        """All pairs, shortest first: for measuring."""
        for indices in cut(self.lengths.argsort(stable=True).tolist(), self.lengths.tolist(), batch_tokens):
            yield self.batch(indices)


def cut(order: list[int], lengths: list[int], batch_tokens: int) -> list[list[int]]:
    """Cut `order` into runs of at most `batch_tokens` padded positions; a longer item has a run to itself."""
    runs: list[list[int]] = []
    longest = 0
    for i in order:
        longest = max(longest, lengths[i])
        if runs and longest * (len(runs[-1]) + 1) <= batch_tokens:
            runs[-1].append(i)
        else:
            runs.append([i])
            longest = lengths[i]
    return runs
