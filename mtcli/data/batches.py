"""Batches of token ids for training."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtcli.data.mapped import Array, Mapped, Runs, RunsOfFiles, run_together
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
    tgt_real: Tensor
    """[N] int64, the places in [B x T] where `tgt_mask` is True."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device; a GPU fetches it while this process goes on."""
        if device.type == "cpu":
            return self
        tensors = (self.src, self.src_mask, self.tgt_in, self.tgt_out, self.tgt_mask, self.tgt_real)
        return Batch(*(tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors))

    def twice(self) -> Batch:
        """The same sentences once more after themselves."""
        again = self.tgt_real + self.tgt_mask.numel()
        first = (self.src, self.src_mask, self.tgt_in, self.tgt_out, self.tgt_mask, self.tgt_real)
        return Batch(*(torch.cat(tensors) for tensors in zip(first, (*first[:-1], again), strict=True)))


def pad(sentences: Sequence[Sequence[int]], multiple: int = 1) -> tuple[Tensor, Tensor]:
    """Ids [B, S] and mask [B, S] of sentences of ids, each with EOS put after it; S is a multiple of `multiple`."""
    return _padded(*run_together(sentences), multiple)


def _padded(together: Array, lengths: Array, multiple: int = 1) -> tuple[Tensor, Tensor]:
    """As `pad`, of sentences whose ids stand one after the other in `together`, `lengths` [B] of them in each."""
    places = np.arange(-(-(int(lengths.max()) + 1) // multiple) * multiple)
    ids = np.full((len(lengths), len(places)), PAD_ID, np.int64)
    ids[places < lengths[:, None]] = together
    ids[np.arange(len(lengths)), lengths] = EOS_ID
    return torch.from_numpy(ids), torch.from_numpy(places <= lengths[:, None])


class Side:
    """Sentences of ids: some of those that lie in `runs`, in any order."""

    def __init__(self, runs: Runs | RunsOfFiles, rows: Array, lengths: Array) -> None:
        """`rows` [N] are their places in `runs`; `lengths` [N] is how many ids each has."""
        self.runs, self.rows, self.lengths = runs, rows, lengths

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Array:
        return self.runs.one(int(self.rows[index]))

    def at(self, indices: Array) -> Side:
        """Some of them."""
        return Side(self.runs, self.rows[indices], self.lengths[indices])

    def padded(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        """Some of them, as `pad` gives them."""
        found = self.runs.gather(self.rows[indices].astype(np.int64))
        self.runs.release()
        return _padded(*found)


class ParallelCorpus:
    """Sentence pairs as ids, without BOS and EOS."""

    def __init__(self, src: Side, tgt: Side) -> None:
        self.src, self.tgt = src, tgt

    @classmethod
    def of(cls, pairs: Iterable[tuple[Sequence[int] | Array, Sequence[int] | Array]]) -> ParallelCorpus:
        """Pairs that are held in memory."""
        sides = [(array("i"), array("q", [0])), (array("i"), array("q", [0]))]
        for pair in pairs:
            for (flat, bounds), ids in zip(sides, pair, strict=True):
                flat.extend(ids)
                bounds.append(len(flat))
        runs = (Runs(np.frombuffer(flat, np.int32), np.frombuffer(bounds, np.int64)) for flat, bounds in sides)
        return cls.stored(*((each, each.lengths()) for each in runs))

    @classmethod
    def stored(cls, src: tuple[Runs, Array], tgt: tuple[Runs, Array]) -> ParallelCorpus:
        """All pairs of sentences that lie somewhere, each side with its lengths."""
        rows = np.arange(len(src[0]), dtype=np.uint32)
        return cls(Side(src[0], rows, src[1]), Side(tgt[0], rows, tgt[1]))

    def __len__(self) -> int:
        return len(self.src)

    @property
    def lengths(self) -> Array:
        """Positions that each pair takes on its longer side, EOS counted."""
        return np.maximum(self.src.lengths, self.tgt.lengths) + 1

    @property
    def tgt_tokens(self) -> int:
        """Target tokens that are trained on in one epoch, EOS counted."""
        return int(self.tgt.lengths.sum()) + len(self)

    def at(self, indices: Array) -> ParallelCorpus:
        """Some of the pairs."""
        return ParallelCorpus(self.src.at(indices), self.tgt.at(indices))

    def batch(self, indices: list[int]) -> Batch:
        """The pairs of `indices`, padded."""
        src, src_mask = self.src.padded(indices)
        tgt_out, tgt_mask = self.tgt.padded(indices)
        tgt_in = torch.cat([torch.full((len(indices), 1), BOS_ID), tgt_out[:, :-1]], dim=1)
        tgt_in = tgt_in.masked_fill(~tgt_mask, PAD_ID)
        return Batch(src, src_mask, tgt_in, tgt_out, tgt_mask, tgt_mask.flatten().nonzero()[:, 0])

    def epoch(self, batch_tokens: int, seed: int, epoch: int) -> Batches:
        """Indices of the batches of one epoch, the same for the same arguments.

        Within pools of shuffled pairs, pairs of like length come together; the batches are then shuffled.
        """
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(self), generator=generator, dtype=torch.int32).numpy()
        stride, mean = int(self.src.lengths.max()) + 1, int(self.lengths.mean())
        ends: list[int] = []
        size = max(1000, 50 * batch_tokens // max(1, mean))
        for start in range(0, len(order), size):
            pool = order[start : start + size]
            src, tgt = self.src.lengths[pool], self.tgt.lengths[pool]
            keys = tgt.astype(np.int64) * stride + src
            by_length = np.argsort(keys.astype(np.min_scalar_type(keys.max())), kind="stable")  # of 16 bits it is fast
            order[start : start + size] = pool[by_length]
            ends += [start + end for end in _ends((np.maximum(src, tgt)[by_length] + 1).tolist(), batch_tokens)]
        return Batches(order, np.array([0, *ends]), torch.randperm(len(ends), generator=generator).numpy())

    def in_order(self, batch_tokens: int) -> Iterator[Batch]:
        """All pairs, shortest first: for measuring."""
        for indices in cut(np.argsort(self.lengths, kind="stable").tolist(), self.lengths, batch_tokens):
            yield self.batch(indices)


class Batches(Mapped[list[int]]):
    """Indices of pairs, batch by batch: four bytes a pair."""

    def __init__(self, order: Array, bounds: Array, turn: Array) -> None:
        """Batch i is what of `order` lies between the bounds `turn[i]` and `turn[i] + 1`."""
        self._order, self._bounds, self._turn = order, bounds, turn

    def __len__(self) -> int:
        return len(self._turn)

    def one(self, i: int) -> list[int]:
        """Batch `i`."""
        place = self._turn[i]
        indices: list[int] = self._order[self._bounds[place] : self._bounds[place + 1]].tolist()
        return indices


def cut(order: list[int], lengths: Sequence[int] | Array, batch_tokens: int) -> list[list[int]]:
    """Cut `order` into runs of at most `batch_tokens` padded positions; a longer item has a run to itself."""
    ends = _ends([int(lengths[i]) for i in order], batch_tokens)
    return [order[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _ends(lengths: list[int], batch_tokens: int) -> list[int]:
    """Where runs end of which each is as long as can be: its longest item times its items is at most `batch_tokens`."""
    ends: list[int] = []
    start = 0
    while start < len(lengths):
        most = lengths[start : start + max(1, batch_tokens // lengths[start])]
        count = min(len(most), max(1, batch_tokens // max(most)))  # so many fit whatever their order
        longest = max(most[:count])
        while count < len(most) and max(longest, most[count]) * (count + 1) <= batch_tokens:
            longest = max(longest, most[count])
            count += 1
        start += count
        ends.append(start)
    return ends
