"""Beam search; a beam of one is greedy search."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mtcli.config import DecodingConfig
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.model.layers import rows_of
from mtcli.search.decoder import CHUNK, IMPOSSIBLE, WIDE, Decoder, JointState
from mtcli.search.rules import Rules, hypothesis
from mtcli.vocab import BOS_ID, EOS_ID

LATE = 16
"""So many sentences of a batch, or a quarter of it, wait for those of other batches: a step takes as long for one as for them."""


def beam_search(
    decoder: Decoder,
    begin: Callable[[list[Sentence]], JointState],
    batches: list[list[Sentence]],
    config: DecodingConfig,
    device: torch.device,
) -> list[list[list[Hypothesis]]]:
    """The `config.n_best` best hypotheses of each sentence, best first (Sutskever et al. 2014, §3.2).

    A hypothesis that ends leaves the beam, a sentence with `beam_size` ended hypotheses is done and leaves the batch. At its
    limit of length a hypothesis ends as it is, without EOS. The last sentences of all batches go on together.
    """
    found: list[list[list[Hypothesis]]] = [[[] for _ in batch] for batch in batches]
    late = _Late(decoder)
    for batch, ended in zip(batches, found, strict=True):
        late.add(Beams(list(zip(batch, ended, strict=True)), begin(batch), config, device))
        late.go_on(max(map(len, batches)) // 2)
    late.go_on(0)
    return [[sorted(hypotheses, key=lambda h: -h.score)[: config.n_best] for hypotheses in ended] for ended in found]


class _Late:
    """The last sentences of the batches, those that are as far together."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._by_length: dict[int, list[Beams]] = defaultdict(list)

    def add(self, beams: Beams) -> None:
        """Search for the sentences of a batch until few are left."""
        few = min(LATE, len(beams.sentences) // 4)
        while len(beams.sentences) > few:
            beams.step(self._decoder)
        if beams.sentences:
            self._keep(beams.joined([]))  # in memory of their own, which is little

    def go_on(self, most: int) -> None:
        """Search on until at most so many are left."""
        while sum(len(beams.sentences) for alike in self._by_length.values() for beams in alike) > most:
            first, *others = self._by_length.pop(min(self._by_length))
            beams = first.joined(others) if others else first
            beams.step(self._decoder)
            if beams.sentences:
                self._keep(beams)

    def _keep(self, beams: Beams) -> None:
        self._by_length[beams.tokens.size(1)].append(beams)


class Beams:
    """The unfinished hypotheses of B sentences, K for each, best first; K grows from 1 to the beam size."""

    def __init__(
        self, sentences: list[tuple[Sentence, list[Hypothesis]]], state: JointState, config: DecodingConfig, device: torch.device
    ) -> None:
        """The state is that before the first piece."""
        self.sentences = sentences
        """The B, and where the hypotheses of each go when they end."""
        self.config, self.state = config, state
        self.rules = Rules([sentence for sentence, _ in sentences], config, device)
        self.tokens = torch.full((len(sentences), 1), BOS_ID, device=device)
        """[B x K, 1 + pieces so far], BOS first."""
        self.scores = torch.zeros(len(sentences), 1, device=device)
        """[B, K], log-probability so far; -inf where there is no hypothesis."""

    def joined(self, others: Sequence[Beams]) -> Beams:
        """These and others of the same length, in memory of their own."""
        all_of_them = [self, *others]
        sentences = [each for beams in all_of_them for each in beams.sentences]
        state = self.state.joined([beams.state for beams in others])
        found = Beams(sentences, state, self.config, self.scores.device)
        found.tokens, found.scores = (
            torch.cat(parts) for parts in zip(*((b.tokens, b.scores) for b in all_of_them), strict=True)
        )
        return found

    def step(self, decoder: Decoder) -> None:
        """Go on by one piece; sentences that are done leave."""
        logits, state = decoder.step(self.tokens[:, -1], self.state)
        rows = self._extend(logits)
        going_on = self._going_on()
        if leave := len(going_on) < len(self.sentences):
            self._select(going_on)
        if self.config.beam_size > WIDE:
            state = state.select(rows[rows_of(going_on, self.scores.size(1))])
        elif leave:
            state = state.reorder(rows).select(going_on)
        elif not torch.equal(rows, torch.arange(len(rows), device=rows.device)):
            state = state.reorder(rows)
        self.state = state

    def _extend(self, logits: Tensor) -> Tensor:
        """Go on by one piece, of which the model thinks `logits` [B x K, V].

        Returns which row each of the new rows goes on from, int64 [B x K'].
        """
        # Twice the beam, so that a whole beam goes on even if a whole beam ends.
        scores = self.rules.scores(logits, self.tokens)
        beam_size = self.config.beam_size
        best, rows, pieces = best_extensions(self.scores, scores, 2 * beam_size)
        full = self.rules.limits <= self.tokens.size(1)
        best = best.masked_fill(best < IMPOSSIBLE / 2, -math.inf)
        ends = (pieces == EOS_ID) | full[:, None] | best.isinf()
        self._end(ends[:, :beam_size], best, rows, pieces)
        best = best.masked_fill(ends, -math.inf)
        keep = ends.int().argsort(dim=1, stable=True)[:, :beam_size]
        self.scores = best.gather(1, keep)
        pieces = pieces.masked_fill(best.isinf(), EOS_ID).gather(1, keep).flatten()
        rows = rows.gather(1, keep).flatten()
        self.tokens = torch.cat([self.tokens.index_select(0, rows), pieces[:, None]], dim=1)
        return rows

    def _end(self, ends: Tensor, best: Tensor, rows: Tensor, pieces: Tensor) -> None:
        which = (ends & best[:, : ends.size(1)].isfinite()).nonzero(as_tuple=True)
        tokens = torch.cat([self.tokens[rows[which], 1:], pieces[which][:, None]], dim=1)
        for i, ids, score in zip(which[0].tolist(), tokens.tolist(), best[which].tolist(), strict=True):
            self.sentences[i][1].append(hypothesis(ids, score, self.config.length_penalty))

    def _going_on(self) -> Tensor:
        """Which of the B sentences are not done, int64 [B']."""
        alive = self.scores[:, 0].isfinite().tolist()
        beam_size = self.config.beam_size
        going_on = [i for i, (_, ended) in enumerate(self.sentences) if alive[i] and len(ended) < beam_size]
        return torch.tensor(going_on, dtype=torch.int64, device=self.scores.device)

    def _select(self, index: Tensor) -> None:
        """Keep the sentences at `index` alone."""
        self.tokens = self.tokens.index_select(0, rows_of(index, self.scores.size(1)))
        self.scores = self.scores.index_select(0, index)
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
