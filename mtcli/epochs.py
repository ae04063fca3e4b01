"""What each epoch of training sees: pairs as often as their weight says, typed carelessly and cut anew if that is asked for."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np

from mtcli.cache import passing
from mtcli.config import TrainingConfig
from mtcli.data.batches import ParallelCorpus
from mtcli.data.mapped import CHUNK, Array, Runs, RunsWriter, take
from mtcli.errors import DataError
from mtcli.noise import careless, joined
from mtcli.sampling import Sampler
from mtcli.store import LONG_TEXT
from mtcli.tokenizer import Tokenizer

log = logging.getLogger("mtcli")

JOINED = 0.1
"""Share of the lines typed in a hurry that hold a second sentence."""

Pair = tuple[str, str]
Ids = tuple[list[int] | Array, list[int] | Array]
"""Of a source and a target line."""


class Epochs:
    """Calling it with the number of an epoch gives that epoch's corpus, the same for the same number."""

    def __init__(
        self,
        corpus: ParallelCorpus,
        pairs: Sequence[Pair],
        weights: Array | None,
        config: TrainingConfig,
        tokenizer: Tokenizer,
        sampler: Sampler | None,
    ) -> None:
        """`pairs` is the text in whose rows the corpus lies, `weights` how often each pair of the corpus is shown, if not once.

        With a `sampler` each epoch cuts the words anew. Pairs with an empty side or with more than `config.max_length` pieces on
        a side are left out.

        Raises DataError when none is left.
        """
        self._tokenizer, self._sampler, self._noise = tokenizer, sampler, config.noise
        self._pairs, self._seed, self._max_length = pairs, config.seed, config.max_length
        fits = [(side.lengths > 0) & (side.lengths <= config.max_length) for side in (corpus.src, corpus.tgt)]
        kept = np.flatnonzero(fits[0] & fits[1])
        self.plain = corpus if len(kept) == len(corpus) else corpus.at(kept)
        """Each pair once, in the best pieces."""
        if left_out := len(corpus) - len(kept):
            log.warning("%d pairs are left out: a side is empty or has more than %d pieces", left_out, config.max_length)
        if not len(kept):
            raise DataError("no sentence pair is left to train on: every one has an empty or too long side, or is held out")
        self._weights = None if weights is None else weights[kept]

    def __call__(self, epoch: int) -> ParallelCorpus:
        """The corpus of the epoch, counted from 0."""
        corpus = self.plain if self._weights is None else self.plain.at(self._chosen(self._weights, epoch))
        if not (self._sampler or self._noise):
            return corpus
        seen = self._seen(corpus, self._seed * 1_000_003 + epoch)
        return ParallelCorpus.of(seen) if len(corpus) < LONG_TEXT else _mapped(seen)

    def _chosen(self, weights: Array, epoch: int) -> Array:
        """Each index as often as its weight; what is left of a weight that is no whole number is a probability."""
        draw = random.Random(self._seed * 1_000_003 + epoch).random
        times = np.fromiter((int(weight) + (draw() < weight % 1) for weight in weights), np.int64, len(weights))
        return np.repeat(np.arange(len(weights)), times) if times.any() else np.zeros(1, np.int64)

    def _seen(self, corpus: ParallelCorpus, seed: int) -> Iterator[Ids]:
        typing, of_src, of_tgt = (random.Random(n) for n in (seed, 2 * seed, 2 * seed + 1))
        for start in range(0, len(corpus), CHUNK):
            pairs = take(self._pairs, corpus.src.rows[start : start + CHUNK].tolist())
            if self._noise:
                pairs = [self._in_a_hurry(pair, corpus, typing) if typing.random() < self._noise else pair for pair in pairs]
            src, tgt = [s for s, _ in pairs], [t for _, t in pairs]
            if self._sampler:
                ids = zip(self._sampler.encode(src, "src", of_src), self._sampler.encode(tgt, "tgt", of_tgt), strict=True)
            else:
                ids = zip(self._tokenizer.encode(src, "src"), self._tokenizer.encode(tgt, "tgt"), strict=True)
            for i, (s, t) in enumerate(ids, start):
                fit = 0 < len(s) <= self._max_length and len(t) <= self._max_length
                yield (s, t) if fit else (corpus.src[i], corpus.tgt[i])

    def _in_a_hurry(self, pair: Pair, corpus: ParallelCorpus, draw: random.Random) -> Pair:
        if draw.random() < JOINED:
            pair = joined(pair, self._pairs[int(corpus.src.rows[draw.choice(range(len(corpus)))])])
        return careless(pair, draw)


def _mapped(pairs: Iterator[Ids]) -> ParallelCorpus:
    """As `ParallelCorpus.of`, in files whose names are gone at once: they go when nobody looks at them any more."""
    with passing("epoch") as folder:
        with RunsWriter(folder / "src", np.int32) as src, RunsWriter(folder / "tgt", np.int32) as tgt:
            while some := list(islice(pairs, CHUNK)):
                for writer, ids in zip((src, tgt), zip(*some, strict=True), strict=True):
                    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
                    writer.write(np.fromiter(chain.from_iterable(ids), np.int32, lengths.sum()), lengths)
        runs = [Runs.open(folder / side, np.int32) for side in ("src", "tgt")]
    return ParallelCorpus.stored(*((each, each.lengths()) for each in runs))
