"""What each epoch of training sees: pairs as often as their weight says, typed carelessly and cut anew if that is asked for."""

from __future__ import annotations

import atexit
import logging
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from mtcli.cache import passing
from mtcli.config import TrainingConfig
from mtcli.data.batches import ParallelCorpus, Side
from mtcli.data.mapped import CHUNK, Array, Runs, RunsWriter, run_together, take
from mtcli.errors import DataError, MtcliError
from mtcli.noise import careless, joined, renamed
from mtcli.sampling import Sampler
from mtcli.store import LONG_TEXT
from mtcli.tokenizer import SIDES, Tokenizer
from mtcli.workers import beside

log = logging.getLogger("mtcli")

JOINED = 0.1
"""Share of the lines typed in a hurry that hold a second sentence."""
RENAMED = 0.5
"""Share of the pairs that get other names, if there is any noise."""

Pair = tuple[str, str]
Lines = tuple[Array, Array]
"""The ids of some lines one after the other, int32, and how many each line has."""


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

    @property
    def alike(self) -> bool:
        """Whether nothing is cut or typed anew, so that an epoch is there at once."""
        return not (self._sampler or self._noise)

    def __call__(self, epoch: int) -> ParallelCorpus:
        """The corpus of the epoch, counted from 0."""
        corpus = self.shown(epoch)
        if self.alike:
            return corpus
        if len(corpus) < LONG_TEXT:
            return _in_memory(self._seen(corpus, epoch))
        with passing("epoch") as folder:
            self.write(epoch, folder)
            return read_epoch(folder)

    def write(self, epoch: int, folder: Path) -> None:
        """Write the epoch for `read_epoch`."""
        with RunsWriter(folder / "src", np.int32) as src, RunsWriter(folder / "tgt", np.int32) as tgt:
            for some in self._seen(self.shown(epoch), epoch):
                for writer, lines in zip((src, tgt), some, strict=True):
                    writer.write(*lines)

    def shown(self, epoch: int) -> ParallelCorpus:
        """The pairs of the epoch in their best pieces, each as often as its weight says."""
        return self.plain if self._weights is None else self.plain.at(self._chosen(self._weights, epoch))

    def _chosen(self, weights: Array, epoch: int) -> Array:
        """Each index as often as its weight; what is left of a weight that is no whole number is a probability."""
        draw = random.Random(self._seed * 1_000_003 + epoch).random
        times = np.fromiter((int(weight) + (draw() < weight % 1) for weight in weights), np.int64, len(weights))
        return np.repeat(np.arange(len(weights)), times) if times.any() else np.zeros(1, np.int64)

    def _seen(self, corpus: ParallelCorpus, epoch: int) -> Iterator[tuple[Lines, Lines]]:
        """Some lines of the source, and of the target, at a time."""
        seed = self._seed * 1_000_003 + epoch
        typing, draws = random.Random(seed), [np.random.PCG64((2 * seed + side) % 2**128) for side in (0, 1)]
        for start in range(0, len(corpus), CHUNK):
            pairs = take(self._pairs, corpus.src.rows[start : start + CHUNK].tolist())
            if self._noise:
                pairs = [self._changed(pair, corpus, typing) for pair in pairs]
            lines = [[pair[side] for pair in pairs] for side in (0, 1)]
            if self._sampler:
                src, tgt = (self._sampler.encode(*each) for each in zip(lines, SIDES, draws, strict=True))
            else:
                src, tgt = (run_together(self._tokenizer.encode(*each)) for each in zip(lines, SIDES, strict=True))
            fit = (src[1] > 0) & (src[1] <= self._max_length) & (tgt[1] <= self._max_length)
            if fit.all():
                yield src, tgt
            else:
                here = np.arange(start, start + len(fit))
                yield _where(fit, src, corpus.src.at(here)), _where(fit, tgt, corpus.tgt.at(here))

    def _changed(self, pair: Pair, corpus: ParallelCorpus, draw: random.Random) -> Pair:
        if draw.random() < RENAMED:
            pair = renamed(pair, draw)
        if draw.random() >= self._noise:
            return pair
        if draw.random() < JOINED:
            pair = joined(pair, self._pairs[int(corpus.src.rows[draw.choice(range(len(corpus)))])])
        return careless(pair, draw)


def _where(fit: Array, lines: Lines, plain: Side) -> Lines:
    """The lines that fit, and the others as they are in `plain`."""
    parts = np.split(lines[0], np.cumsum(lines[1])[:-1])
    return run_together([part if good else plain[i] for i, (part, good) in enumerate(zip(parts, fit, strict=True))])


def _in_memory(seen: Iterator[tuple[Lines, Lines]]) -> ParallelCorpus:
    sides = []
    for some in zip(*seen, strict=True):
        ids, lengths = (np.concatenate(arrays) for arrays in zip(*some, strict=True))
        sides.append((Runs(ids, np.cumsum([0, *lengths])), lengths.astype(np.int32)))
    return ParallelCorpus.stored(*sides)


def read_epoch(folder: Path) -> ParallelCorpus:
    """What `Epochs.write` wrote, mapped: the files may lose their names."""
    runs = [Runs.open(folder / side, np.int32) for side in SIDES]
    return ParallelCorpus.stored(*((each, each.lengths()) for each in runs))


class Ahead:
    """The same epochs, of which another process makes the next one while this one is trained on."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs, self._coming = epochs, ExitStack()
        self._next: tuple[int, BaseProcess, Path] | None = None
        """The epoch that is coming, who makes it, and where."""
        atexit.register(self.close)

    def __call__(self, epoch: int) -> ParallelCorpus:
        """See Epochs."""
        with self._coming:
            corpus = self._come(epoch)
        if corpus is None:
            corpus = self._epochs(epoch)
        folder = self._coming.enter_context(passing("epoch"))
        process = beside(_write, self._epochs, epoch + 1, folder)
        self._coming.callback(_end, process)
        self._next = epoch + 1, process, folder
        return corpus

    def close(self) -> None:
        """End what is under way."""
        self._coming.close()

    def _come(self, epoch: int) -> ParallelCorpus | None:
        if not self._next or self._next[0] != epoch:
            return None
        self._next[1].join()
        try:
            return None if self._next[1].exitcode else read_epoch(self._next[2])
        except (OSError, ValueError):  # somebody has emptied the cache
            return None


def _write(epochs: Epochs, epoch: int, folder: Path) -> None:
    try:
        epochs.write(epoch, folder)
    except (MtcliError, OSError, MemoryError):
        os._exit(1)  # the process that wants it makes it itself then, and tells what is wrong


def _end(process: BaseProcess) -> None:
    process.kill()
    process.join()
