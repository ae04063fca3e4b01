"""Words cut into other pieces than the best ones, at random: the same for the same seed, in every process.

Sentencepiece can sample, too, but its random numbers begin elsewhere in each process, so a resumed training would see other text.
"""

from __future__ import annotations

import itertools
import math
import random
from array import array
from collections.abc import Callable
from typing import Literal

import numpy as np

from mtcli.data.mapped import Array, gathered
from mtcli.tags import target_of
from mtcli.tokenizer import SIDES, SPACE, Side, Tokenizer, normalise

VARIANTS, LONG = 32, 24
"""Ways to cut a word among which one is drawn, and letters from which on there are fewer: a Chinese sentence is one word."""
KNOWN, MOST_IDS = 1 << 18, 1 << 26
"""Words whose ways are remembered, and their ids; typing errors bring ever new ones."""

Ways = tuple[list[list[int]], list[float]]
"""The ids of each way to cut a word, and its weight."""


class Sampler:
    """Draws the pieces of each word by itself: none reaches across words, so that is as good as to draw a line's at once."""

    def __init__(self, tokenizer: Tokenizer, kind: Literal["unigram", "bpe"], strength: float) -> None:
        """`strength` is config.TrainingConfig.subword_sampling."""
        self._tokenizer, self._strength = tokenizer, strength
        self._ways = self._by_probability if kind == "unigram" else self._by_dropout
        self._scores = {side: tokenizer.scores(side) for side in SIDES}
        self._known = {side: _Known() for side in SIDES}

    def encode(self, lines: list[str], side: Side, draw: np.random.BitGenerator) -> tuple[Array, Array]:
        """Piece ids of the lines one after the other, int32, and how many each has: see Tokenizer.encode, but for the choice."""
        known = self._known[side]
        if len(known.number) > KNOWN or known.ids > MOST_IDS:
            known = self._known[side] = _Known()
        split = [normalise(line).split(" ") for line in lines]
        words = list(itertools.chain.from_iterable(split))
        for word in set(words).difference(known.number):
            known.add(word, *(self._fixed(word, side) or self._ways(word, side)))
        flat, lengths = known.draw(words, draw)
        ends = np.cumsum([0, *map(len, split)])[:-1]
        return flat, np.add.reduceat(lengths, ends) if lines else lengths

    def _by_probability(self, word: str, side: Side) -> Ways:
        """The most likely ways, with their probabilities to the power of `strength` as weights (Kudo 2018)."""
        ways = self._tokenizer.n_best(word, side, _variants(word))
        score = self._scores[side].__getitem__
        scores = [sum(map(score, ids)) for ids in ways]
        return ways, [math.exp(self._strength * (score - scores[0])) for score in scores]

    def _by_dropout(self, word: str, side: Side) -> Ways:
        """Ways in which each merge is left out with probability `strength` (Provilkov et al. 2020), all of one weight."""
        draw = random.Random(f"{side} {word}").random
        ways = [self._tokenizer.ids(self._merged(word, side, draw), side) for _ in range(_variants(word))]
        return ways, [1.0] * len(ways)

    def _fixed(self, word: str, side: Side) -> Ways | None:
        """The only way to cut a tag, which is one piece, or a word with characters that only bytes can spell."""
        [plain] = self._tokenizer.encode([word], side)
        whole = not target_of(word) and "".join(self._tokenizer.pieces(plain, side)) == SPACE + word
        return None if whole else ([plain], [1.0])

    def _merged(self, word: str, side: Side, draw: Callable[[], float]) -> list[str]:
        """The characters of a word, the best pair merged again and again, of those that were not left out this time."""
        pieces = [SPACE, *word]
        while True:
            pairs = [first + second for first, second in itertools.pairwise(pieces)]
            scores = [self._tokenizer.score(pair, side) for pair in pairs]
            left = [(score, -i) for i, score in enumerate(scores) if score is not None and draw() >= self._strength]
            if not left:
                return pieces
            at = -max(left)[1]
            pieces[at : at + 2] = [pairs[at]]


def _variants(word: str) -> int:
    """So many that a long word takes no longer than one of `LONG` letters: `_merged` goes over it once for each letter."""
    return min(VARIANTS, max(2, VARIANTS * LONG**2 // len(word) ** 2))


class _Known:
    """The ways to cut some words, numbered one after the other over all of them.

    Shares are whole numbers of 2**-32, so that nothing depends on which words are known.
    """

    def __init__(self) -> None:
        self.number: dict[str, int] = {}
        self._ends = array("Q")
        """Of each way: 2**32 times the number of its word and the share, from 0 to 1, of all ways of the word up to it."""
        self._ids, self._bounds = array("i"), array("q", [0])
        """The ids of all ways, and where those of each begin."""

    @property
    def ids(self) -> int:
        """How many are remembered."""
        return len(self._ids)

    def add(self, word: str, ways: list[list[int]], weights: list[float]) -> None:
        """Know one more word."""
        self.number[word] = first = len(self.number)
        total = sum(weights)
        for ids, share in zip(ways, itertools.accumulate(weights), strict=True):
            self._ids.extend(ids)
            self._bounds.append(len(self._ids))
            self._ends.append((first << 32) + int(share / total * 2**32))
        self._ends[-1] = (first + 1) << 32

    def draw(self, words: list[str], draw: np.random.BitGenerator) -> tuple[Array, Array]:
        """The ids of the words one after the other, and how many each has, each word cut in one of its ways."""
        numbers = np.fromiter(map(self.number.__getitem__, words), np.uint64, len(words))
        shares = np.asarray(draw.random_raw(len(words)), np.uint64) >> np.uint64(32)
        ways = np.searchsorted(np.frombuffer(self._ends, np.uint64), (numbers << np.uint64(32)) + shares, "right")
        bounds = np.frombuffer(self._bounds, np.int64)
        starts = bounds[ways]
        lengths = bounds[ways + 1] - starts
        return gathered(np.frombuffer(self._ids, np.int32), starts, lengths), lengths
