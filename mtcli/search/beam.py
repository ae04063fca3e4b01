"""Beam search; a beam of one is greedy search."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtcli.config import DecodingConfig
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.model.layers import rows_of
from mtcli.search.decoder import CHUNK, IMPOSSIBLE, Decoder, JointState
from mtcli.search.rules import Rules, hypothesis
from mtcli.vocab import BOS_ID, EOS_ID


def beam_search(
    decoder: Decoder, state: JointState, sentences: list[Sentence], config: DecodingConfig, device: torch.device
) -> list[list[Hypothesis]]:
    """The `config.n_best` best hypotheses of each sentence, best first (Sutskever et al. 2014, §3.2).

    A hypothesis that ends leaves the beam, a sentence with `beam_size` ended hypotheses is done and leaves the batch. At its
    limit of length a hypothesis ends as it is, without EOS.
    """
    beams = Beams(sentences, config, device)
    ended: list[list[Hypothesis]] = [[] for _ in sentences]
    while beams.sentences:
        logits, state = decoder.step(beams.tokens[:, -1], state)
        rows = beams.extend(logits, config, ended)
        going_on = beams.going_on(config, ended)
        if len(going_on) < len(beams.sentences):
            beams.select(going_on)
            state = state.reorder(rows).select(going_on)
        elif not torch.equal(rows, torch.arange(len(rows), device=device)):
            state = state.reorder(rows)
    return [sorted(hypotheses, key=lambda h: -h.score)[: config.n_best] for hypotheses in ended]


class Beams:
    """The unfinished hypotheses of B sentences, K for each, best first; K grows from 1 to the beam size."""

    def __init__(self, sentences: list[Sentence], config: DecodingConfig, device: torch.device) -> None:
        self.sentences = list(range(len(sentences)))
        """For each of the B, which sentence of the batch it is."""
        self.rules = Rules(sentences, config, device)
        self.tokens = torch.full((len(sentences), 1), BOS_ID, device=device)
        """[B x K, 1 + pieces so far], BOS first."""
        self.scores = torch.zeros(len(sentences), 1, device=device)
        """[B, K], log-probability so far; -inf where there is no hypothesis."""

    def extend(self, logits: Tensor, config: DecodingConfig, ended: list[list[Hypothesis]]) -> Tensor:
        """Go on by one piece, of which the model thinks `logits` [B x K, V]; hypotheses that end go to `ended`.

        Returns which row each of the new rows goes on from, int64 [B x K'].
        """
        # Twice the beam, so that a whole beam goes on even if a whole beam ends.
        scores = self.rules.scores(logits, self.tokens)
        best, rows, pieces = best_extensions(self.scores, scores, 2 * config.beam_size)
        full = self.rules.limits <= self.tokens.size(1)
        best = best.masked_fill(best < IMPOSSIBLE / 2, -math.inf)
        ends = (pieces == EOS_ID) | full[:, None] | best.isinf()
        self._end(ends[:, : config.beam_size], best, rows, pieces, config.length_penalty, ended)
        best = best.masked_fill(ends, -math.inf)
        keep = ends.int().argsort(dim=1, stable=True)[:, : config.beam_size]
        self.scores = best.gather(1, keep)
        pieces = pieces.masked_fill(best.isinf(), EOS_ID).gather(1, keep).flatten()
        rows = rows.gather(1, keep).flatten()
        self.tokens = torch.cat([self.tokens[rows], pieces[:, None]], dim=1)
        return rows

    def _end(
        self, ends: Tensor, best: Tensor, rows: Tensor, pieces: Tensor, length_penalty: float, ended: list[list[Hypothesis]]
    ) -> None:
        for i, k in (ends & best[:, : ends.size(1)].isfinite()).nonzero().tolist():
            ids = [*self.tokens[rows[i, k], 1:].tolist(), int(pieces[i, k])]
            ended[self.sentences[i]].append(hypothesis(ids, best[i, k].item(), length_penalty))

    def going_on(self, config: DecodingConfig, ended: list[list[Hypothesis]]) -> Tensor:
        """Which of the B sentences are not done, int64 [B']."""
        alive = self.scores[:, 0].isfinite().tolist()
        going_on = [i for i, s in enumerate(self.sentences) if alive[i] and len(ended[s]) < config.beam_size]
        return torch.tensor(going_on, dtype=torch.int64, device=self.scores.device)

    def select(self, index: Tensor) -> None:
        """Keep the sentences at `index` alone."""
        self.tokens = self.tokens[rows_of(index, self.scores.size(1))]
        self.scores = self.scores[index]
        self.rules.select(index)
        self.sentences = [self.sentences[i] for i in index.tolist()]


def best_extensions(totals: Tensor, scores: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` best ways to go on from `totals` [B, K] by a piece with `scores` [B x K, V]: total, row and piece, each [B, C].

    Only the `count` chunks of pieces with the highest maxima are looked at: no others can hold one of the best.
    """
    sentences, beams = totals.shape
    chunks = scores.view(sentences, beams, -1, CHUNK)
    per_beam = chunks.size(2)
    chosen = (chunks.amax(3) + totals[:, :, None]).flatten(1).topk(min(count, beams * per_beam), sorted=False).indices
    inside = chunks.flatten(1, 2).gather(1, chosen[:, :, None].expand(-1, -1, CHUNK))
    inside += totals.gather(1, chosen // per_beam)[:, :, None]
    best, index = inside.flatten(1).topk(min(count, inside[0].numel()))
    chunk = chosen.gather(1, index // CHUNK)
    rows = chunk // per_beam + torch.arange(0, len(scores), beams, device=totals.device)[:, None]
    return best, rows, chunk % per_beam * CHUNK + index % CHUNK
