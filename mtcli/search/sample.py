"""Drawing translations at random from what the model thinks of them."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from mtcli.config import DecodingConfig
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.model.layers import rows_of
from mtcli.search.decoder import Decoder, JointState
from mtcli.search.rules import Rules, hypothesis
from mtcli.vocab import BOS_ID, EOS_ID


def sample(
    decoder: Decoder, state: JointState, sentences: list[Sentence], config: DecodingConfig, device: torch.device
) -> list[list[Hypothesis]]:
    """`config.n_best` translations of each sentence, drawn piece by piece, the likeliest first.

    What is drawn depends on the seed and the sentence, not on its neighbours: the same sentence gives the same samples.
    """
    count = config.n_best
    rules = Rules(sentences, config, device)
    each = torch.arange(len(sentences), device=device).repeat_interleave(count)
    state = state.select(each)  # samples share nothing but the source
    numbers = torch.cat([_numbers(sentence, config, int(rules.limits.max())) for sentence in sentences]).to(device)
    tokens = torch.full((len(numbers), 1), BOS_ID, device=device)
    totals = torch.zeros(len(numbers), device=device)
    alive = torch.ones_like(totals, dtype=torch.bool)
    live = list(range(len(sentences)))
    ended: list[list[Hypothesis]] = [[] for _ in sentences]
    while live:
        logits, state = decoder.step(tokens[:, -1], state)
        scores = rules.scores(logits, tokens)
        pieces = draw(scores, numbers[:, tokens.size(1) - 1], config)
        totals = totals + scores.gather(1, pieces[:, None])[:, 0]
        tokens = torch.cat([tokens, pieces[:, None]], dim=1)
        ends = alive & ((pieces == EOS_ID) | (rules.limits.repeat_interleave(count) < tokens.size(1)))
        for row in ends.nonzero()[:, 0].tolist():
            found = hypothesis(tokens[row, 1:].tolist(), totals[row].item(), config.length_penalty)
            ended[live[row // count]].append(found)
        alive = alive & ~ends
        going_on = alive.view(-1, count).any(1).nonzero()[:, 0]
        if len(going_on) < len(live):
            rows = rows_of(going_on, count)
            state, numbers, tokens, totals, alive = state.select(rows), numbers[rows], tokens[rows], totals[rows], alive[rows]
            rules.select(going_on)
            live = [live[i] for i in going_on.tolist()]
    return [sorted(hypotheses, key=lambda h: -h.score) for hypotheses in ended]


def draw(scores: Tensor, numbers: Tensor, config: DecodingConfig) -> Tensor:
    """A piece [R] from log-probabilities [R, V], by `numbers` [R] drawn evenly from [0, 1).

    Only the `top_k` likeliest may be drawn, and of these the likeliest that together have a probability of `top_p`
    (Holtzman et al. 2020).
    """
    probabilities, order = (scores / config.temperature).softmax(-1), None
    if config.top_k or config.top_p < 1:
        probabilities, order = probabilities.topk(min(config.top_k or scores.size(1), scores.size(1)))
        before = probabilities.cumsum(-1) - probabilities
        probabilities = probabilities.masked_fill(before >= config.top_p * probabilities.sum(-1, keepdim=True), 0)
    sums = probabilities.double().cumsum(-1)
    index = torch.searchsorted(sums, numbers[:, None] * sums[:, -1:], right=True).clamp(max=sums.size(1) - 1)
    return (index if order is None else order.gather(1, index))[:, 0]


def _numbers(sentence: Sentence, config: DecodingConfig, limit: int) -> Tensor:
    """[n_best, limit], from [0, 1)."""
    digest = hashlib.sha256(repr((config.seed, sentence.ids)).encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") % 2**63)
    return torch.rand(limit, config.n_best, dtype=torch.float64, generator=generator).T
