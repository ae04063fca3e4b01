"""Which pieces may come next, whatever the model thinks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtcli.config import DecodingConfig
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.search.decoder import IMPOSSIBLE
from mtcli.vocab import EOS_ID

FREE = -1
"""Stands in a table of prefixes where any piece may come."""


class Rules:
    """Limits of length, prefixes and forbidden repetitions of B sentences, which have K rows each."""

    def __init__(self, sentences: list[Sentence], config: DecodingConfig, device: torch.device) -> None:
        limits = torch.tensor([config.limits(len(s.ids), len(s.prefix)) for s in sentences], device=device)
        self._minima, self.limits = limits.unbind(1)
        """[B], fewest and most pieces that a hypothesis may have."""
        self._ngram = config.no_repeat_ngram
        self._bounded = bool(self._minima.any())
        width = max(len(s.prefix) for s in sentences)
        table = [[*s.prefix, *[FREE] * (width - len(s.prefix))] for s in sentences]
        self._prefixes = torch.tensor(table, dtype=torch.int64, device=device).view(len(sentences), width)

    def scores(self, logits: Tensor, tokens: Tensor, repeatable: Tensor | None = None) -> Tensor:
        """Log-probabilities [R, V] of the piece after `tokens` [R, 1 + T], BOS first, if it may come; `logits` [R, V] change.

        That of a piece of a prefix is zero: all else is judged given the prefix. `repeatable` [R, V] are pieces that may
        repeat an n-gram all the same.
        """
        length, beams = tokens.size(1) - 1, len(tokens) // len(self.limits)
        forced = self._prefixes[:, length].repeat_interleave(beams) if length < self._prefixes.size(1) else None
        if self._bounded or self._ngram:
            free = torch.ones_like(tokens[:, 0], dtype=torch.bool) if forced is None else forced == FREE
            logits[free & (self._minima > length).repeat_interleave(beams), EOS_ID] = IMPOSSIBLE
            if 0 < self._ngram <= length:
                row, piece = repeating(tokens, self._ngram)
                barred = free[row] if repeatable is None else free[row] & ~repeatable[row, piece]
                logits[row[barred], piece[barred]] = IMPOSSIBLE
        if forced is not None:
            rows = (forced != FREE).nonzero()[:, 0]
            logits[rows] = IMPOSSIBLE
            logits[rows, forced[rows]] = 0
        in_place = logits if logits.dtype == torch.float32 else None  # fresh memory of that size would not stay in any cache
        return torch.log_softmax(logits, -1, torch.float32, out=in_place)

    def select(self, index: Tensor) -> None:
        """Keep the sentences at `index` alone."""
        self.limits, self._minima, self._prefixes = self.limits[index], self._minima[index], self._prefixes[index]


def hypothesis(ids: list[int], log_probability: float, length_penalty: float) -> Hypothesis:
    """From pieces with the EOS that ends them; without one when they were cut."""
    score = log_probability / len(ids) ** length_penalty
    return Hypothesis(ids[:-1] if ids[-1] == EOS_ID else ids, score, math.exp(log_probability / len(ids)))


def repeating(tokens: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Rows and pieces, each [N], that would say an n-gram of `size` pieces again in `tokens` [R, 1 + T], BOS first."""
    ngrams = tokens[:, 1:].unfold(1, size, 1)
    begun = tokens[:, tokens.size(1) - size + 1 :]
    row, place = (ngrams[:, :, :-1] == begun[:, None]).all(2).nonzero(as_tuple=True)
    return row, ngrams[row, place, -1]
