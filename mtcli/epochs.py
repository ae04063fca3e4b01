"""What each epoch of training sees: pairs as often as their weight says, typed carelessly and cut anew if that is asked for."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator

from mtcli.config import TrainingConfig
from mtcli.data.batches import ParallelCorpus
from mtcli.data.split import Pairs
from mtcli.errors import DataError
from mtcli.noise import careless, joined
from mtcli.sampling import Sampler
from mtcli.tokenizer import Tokenizer

log = logging.getLogger("mtcli")

CHUNK = 10_000
"""Pairs that are cut into pieces together."""
JOINED = 0.1
"""Share of the lines typed in a hurry that hold a second sentence."""


class Epochs:
    """Calling it with the number of an epoch gives that epoch's corpus, the same for the same number."""

    def __init__(
        self, tokenizer: Tokenizer, pairs: Pairs, weights: list[float], config: TrainingConfig, sampler: Sampler | None
    ) -> None:
        """With a `sampler` each epoch cuts the words anew.

        Pairs with an empty side or with more than `config.max_length` pieces on a side are left out.

        Raises DataError when none is left.
        """
        self._tokenizer, self._sampler, self._noise = tokenizer, sampler, config.noise
        self._seed = config.seed
        max_length = self._max_length = config.max_length
        kept: list[int] = []
        self.plain = ParallelCorpus(_fitting(tokenizer, pairs, max_length, kept))
        """Each pair once, in the best pieces."""
        if len(kept) < len(pairs):
            log.warning("%d pairs are left out: a side is empty or has more than %d pieces", len(pairs) - len(kept), max_length)
        if not kept:
            raise DataError("no sentence pair is left to train on: every one has an empty or too long side, or is held out")
        self._weights = [weights[i] for i in kept]
        self._pairs = [pairs[i] for i in kept] if sampler or config.noise else []

    def __call__(self, epoch: int) -> ParallelCorpus:
        """The corpus of the epoch, counted from 0."""
        weighted = any(weight != 1 for weight in self._weights)
        if not weighted and not self._pairs:
            return self.plain
        chosen = self._chosen(epoch) if weighted else range(len(self.plain))
        if not self._pairs:
            return ParallelCorpus(map(self._best, chosen))
        seen = self._see([self._pairs[i] for i in chosen], self._seed * 1_000_003 + epoch)
        fits = [0 < len(src) <= self._max_length and len(tgt) <= self._max_length for src, tgt in seen]
        return ParallelCorpus(pair if fit else self._best(i) for i, pair, fit in zip(chosen, seen, fits, strict=True))

    def _best(self, i: int) -> tuple[list[int], list[int]]:
        return self.plain.src[i].tolist(), self.plain.tgt[i].tolist()

    def _chosen(self, epoch: int) -> list[int]:
        """Each index as often as its weight; what is left of a weight that is no whole number is a probability."""
        draw = random.Random(self._seed * 1_000_003 + epoch).random
        chosen = [i for i, weight in enumerate(self._weights) for _ in range(int(weight) + (draw() < weight % 1))]
        return chosen or [0]

    def _see(self, pairs: Pairs, seed: int) -> list[tuple[list[int], list[int]]]:
        if self._noise:
            pairs = self._typed(pairs, random.Random(seed))
        if not self._sampler:
            return _encode(self._tokenizer, pairs)
        src = self._sampler.encode([s for s, _ in pairs], "src", 2 * seed)
        tgt = self._sampler.encode([t for _, t in pairs], "tgt", 2 * seed + 1)
        return list(zip(src, tgt, strict=True))

    def _typed(self, pairs: Pairs, draw: random.Random) -> Pairs:
        return [self._in_a_hurry(pair, pairs, draw) if draw.random() < self._noise else pair for pair in pairs]

    def _in_a_hurry(self, pair: tuple[str, str], pairs: Pairs, draw: random.Random) -> tuple[str, str]:
        return careless(joined(pair, draw.choice(pairs)) if draw.random() < JOINED else pair, draw)


def _encode(tokenizer: Tokenizer, pairs: Pairs) -> list[tuple[list[int], list[int]]]:
    src, tgt = tokenizer.encode([s for s, _ in pairs], "src"), tokenizer.encode([t for _, t in pairs], "tgt")
    return list(zip(src, tgt, strict=True))


def _fitting(tokenizer: Tokenizer, pairs: Pairs, max_length: int, kept: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    """The ids of the pairs that can be trained on, some thousands at a time; `kept` takes their indices."""
    for start in range(0, len(pairs), CHUNK):
        for i, (src, tgt) in enumerate(_encode(tokenizer, pairs[start : start + CHUNK]), start):
            if 0 < len(src) <= max_length and 0 < len(tgt) <= max_length:
                kept.append(i)
                yield src, tgt
