"""Beam search over any encoder-decoder; a beam of one is greedy search. It knows no text and no architecture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtcli.config import DecodingConfig
from mtcli.data.batches import pad
from mtcli.model import EncoderDecoder
from mtcli.model.layers import rows_of
from mtcli.vocab import BOS_ID, EOS_ID


@dataclass(frozen=True)
class Hypothesis:
    """One translation of one sentence."""

    ids: list[int]
    """Target pieces, without BOS and EOS."""
    score: float
    """Log-probability, EOS included, divided by the number of pieces, EOS included, to the power of the length penalty."""


@torch.inference_mode()
def search(
    model: EncoderDecoder, sentences: list[list[int]], config: DecodingConfig, never: list[int], device: torch.device
) -> list[list[Hypothesis]]:
    """The `config.n_best` best hypotheses of each sentence of source ids, best first; ids in `never` are not generated.

    Beam search (Sutskever et al. 2014, §3.2): a hypothesis that ends leaves the beam, a sentence with `beam_size` ended
    hypotheses is done and leaves the batch. At its limit of length a hypothesis must end.
    """
    src, src_mask = (tensor.to(device) for tensor in pad([torch.tensor(ids, dtype=torch.int64) for ids in sentences]))
    beams = Beams([config.max_length(len(ids)) for ids in sentences], device)
    ended: list[list[Hypothesis]] = [[] for _ in sentences]
    state = model.encode(src, src_mask)
    while beams.sentences:
        logits, state = model.step(beams.tokens[:, -1], state)
        scores = logits.float().log_softmax(-1)
        scores[:, never] = -math.inf
        rows = beams.extend(scores, config, ended)
        going_on = beams.going_on(config, ended)
        if len(going_on) < len(beams.sentences):
            beams.select(going_on)
            state = state.reorder(rows).select(going_on)
        elif not torch.equal(rows, torch.arange(len(rows), device=device)):
            state = state.reorder(rows)
    return [sorted(hypotheses, key=lambda h: -h.score)[: config.n_best] for hypotheses in ended]


class Beams:
    """The unfinished hypotheses of B sentences, K for each, best first; K grows from 1 to the beam size."""

    def __init__(self, limits: list[int], device: torch.device) -> None:
        self.sentences = list(range(len(limits)))
        """For each of the B, which sentence of the batch it is."""
        self.limits = torch.tensor(limits, device=device)
        """[B], most pieces that a hypothesis may have."""
        self.tokens = torch.full((len(limits), 1), BOS_ID, device=device)
        """[B x K, 1 + pieces so far], BOS first."""
        self.scores = torch.zeros(len(limits), 1, device=device)
        """[B, K], log-probability so far; -inf where there is no hypothesis."""

    def extend(self, scores: Tensor, config: DecodingConfig, ended: list[list[Hypothesis]]) -> Tensor:
        """Go on by one piece, whose log-probabilities are `scores` [B x K, V]; those that end go to `ended`.

        Returns which row each of the new rows goes on from, int64 [B x K'].
        """
        count, width = self.scores.shape
        vocab, length = scores.size(1), self.tokens.size(1)
        totals = self.scores[:, :, None] + scores.view(count, width, vocab)
        full = self.limits < length
        totals[full, :, :EOS_ID] = totals[full, :, EOS_ID + 1 :] = -math.inf
        # Twice the beam, so that a whole beam goes on even if a whole beam ends.
        best, index = totals.flatten(1).topk(min(2 * config.beam_size, width * vocab))
        rows = index // vocab + torch.arange(count, device=index.device)[:, None] * width
        pieces = index % vocab

        ends = pieces == EOS_ID
        self._end(ends[:, : config.beam_size], best, rows, config.length_penalty, ended)
        best = best.masked_fill(ends, -math.inf)
        keep = ends.int().argsort(dim=1, stable=True)[:, : config.beam_size]
        self.scores = best.gather(1, keep)
        rows, pieces = rows.gather(1, keep).flatten(), pieces.gather(1, keep).flatten()
        self.tokens = torch.cat([self.tokens[rows], pieces[:, None]], dim=1)
        return rows

    def _end(self, ends: Tensor, best: Tensor, rows: Tensor, length_penalty: float, ended: list[list[Hypothesis]]) -> None:
        for i, k in (ends & best[:, : ends.size(1)].isfinite()).nonzero().tolist():
            ids = self.tokens[rows[i, k], 1:].tolist()
            ended[self.sentences[i]].append(Hypothesis(ids, best[i, k].item() / (len(ids) + 1) ** length_penalty))

    def going_on(self, config: DecodingConfig, ended: list[list[Hypothesis]]) -> Tensor:
        """Which of the B sentences are not done, int64 [B']."""
        alive = self.scores[:, 0].isfinite().tolist()
        going_on = [i for i, s in enumerate(self.sentences) if alive[i] and len(ended[s]) < config.beam_size]
        return torch.tensor(going_on, dtype=torch.int64, device=self.scores.device)

    def select(self, index: Tensor) -> None:
        """Keep the sentences at `index` alone."""
        self.tokens = self.tokens[rows_of(index, self.scores.size(1))]
        self.scores, self.limits = self.scores[index], self.limits[index]
        self.sentences = [self.sentences[i] for i in index.tolist()]
