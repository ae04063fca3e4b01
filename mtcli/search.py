"""Beam search over any encoder-decoder; a beam of one is greedy search. It knows no text and no architecture."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mtcli.config import DecodingConfig
from mtcli.data.batches import pad
from mtcli.hypothesis import Hypothesis
from mtcli.model import DecoderState, EncoderDecoder
from mtcli.model.layers import linear, rows_of
from mtcli.vocab import BOS_ID, EOS_ID

IMPOSSIBLE = -1e9
"""Bias of pieces that no translation may hold."""
PADDING = 8
"""Sources are padded to a multiple of this."""
CHUNK = 64
"""Pieces whose scores are looked at together: only the chunks with the highest maxima can hold the best pieces."""


class Decoder:
    """A model made ready to decode: matrix products in `dtype`, pieces in `never` impossible."""

    def __init__(self, model: EncoderDecoder, never: list[int], dtype: torch.dtype = torch.float32) -> None:
        """The model itself stays as it is."""
        self.model = model.with_products_in(dtype).eval()
        bias = model.output_bias.detach().clone()
        bias[never] = IMPOSSIBLE
        missing = -len(bias) % CHUNK
        self._weight = F.pad(model.tgt_embedding.weight.detach(), (0, 0, 0, missing)).to(dtype)
        self._bias = F.pad(bias, (0, missing), value=IMPOSSIBLE).to(dtype)

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Log-probabilities [R, V'] of what follows one more `tokens` [R], V' being V rounded up to whole chunks."""
        features, state = self.model.advance(tokens, state)
        logits = linear(features, self._weight, self._bias)
        return logits.log_softmax(-1, dtype=torch.float32), state


@torch.inference_mode()
def search(decoder: Decoder, sentences: list[list[int]], config: DecodingConfig, device: torch.device) -> list[list[Hypothesis]]:
    """The `config.n_best` best hypotheses of each sentence of source ids, best first.

    Beam search (Sutskever et al. 2014, §3.2): a hypothesis that ends leaves the beam, a sentence with `beam_size` ended
    hypotheses is done and leaves the batch. At its limit of length a hypothesis ends as it is, without EOS.
    """
    src, src_mask = (tensor.to(device) for tensor in pad([torch.tensor(ids, dtype=torch.int64) for ids in sentences], PADDING))
    beams = Beams([config.max_length(len(ids)) for ids in sentences], device)
    ended: list[list[Hypothesis]] = [[] for _ in sentences]
    state = decoder.model.encode(src, src_mask)
    while beams.sentences:
        scores, state = decoder.step(beams.tokens[:, -1], state)
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
        # Twice the beam, so that a whole beam goes on even if a whole beam ends.
        best, rows, pieces = best_extensions(self.scores, scores, 2 * config.beam_size)
        full = self.limits <= self.tokens.size(1)
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
            score = best[i, k].item() / len(ids) ** length_penalty
            ended[self.sentences[i]].append(Hypothesis(ids[:-1] if ids[-1] == EOS_ID else ids, score))

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
