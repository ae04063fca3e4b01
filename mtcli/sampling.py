"""Words cut into other pieces than the best ones, at random: the same for the same seed, in every process.

Sentencepiece can sample, too, but its random numbers begin elsewhere in each process, so a resumed training would see other text.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from mtcli.tags import target_of
from mtcli.tokenizer import SPACE, Side, Tokenizer, normalise

VARIANTS = 32
"""Ways to cut a word among which one is drawn."""

Ways = tuple[list[list[int]], list[float]]
"""The ids of each way to cut a word, and the running sum of their weights."""


class Sampler:
    """Draws the pieces of each word by itself: none reaches across words, so that is as good as to draw a line's at once."""

    def __init__(self, tokenizer: Tokenizer, kind: Literal["unigram", "bpe"], strength: float) -> None:
        """`strength` is config.TrainingConfig.subword_sampling."""
        self._tokenizer, self._strength = tokenizer, strength
        self._ways = lru_cache(maxsize=2**16)(self._by_probability if kind == "unigram" else self._by_dropout)

    def encode(self, lines: list[str], side: Side, generator: random.Random) -> list[list[int]]:
        """Piece ids of each line, as Tokenizer.encode gives them, but for the choice of pieces."""
        return [self._line(normalise(line), side, generator) for line in lines]

    def _line(self, line: str, side: Side, generator: random.Random) -> list[int]:
        ids: list[int] = []
        for word in line.split(" ") if line else ():
            ways, weights = self._ways(word, side)
            ids += ways[0] if len(ways) == 1 else generator.choices(ways, cum_weights=weights)[0]
        return ids

    def _by_probability(self, word: str, side: Side) -> Ways:
        """The most likely ways, with their probabilities to the power of `strength` as weights (Kudo 2018)."""
        if fixed := self._fixed(word, side):
            return fixed
        ways = self._tokenizer.n_best(word, side, VARIANTS)
        best = ways[0][1]
        weights = [math.exp(self._strength * (score - best)) for _, score in ways]
        return [ids for ids, _ in ways], list(itertools.accumulate(weights))

    def _by_dropout(self, word: str, side: Side) -> Ways:
        """Ways in which each merge is left out with probability `strength` (Provilkov et al. 2020), all of one weight."""
        if fixed := self._fixed(word, side):
            return fixed
        draw = random.Random(f"{side} {word}").random
        ways = [self._tokenizer.ids(self._merged(word, side, draw), side) for _ in range(VARIANTS)]
        return ways, [*itertools.accumulate([1.0] * VARIANTS)]

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
