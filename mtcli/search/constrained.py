"""Beam search for translations that hold given terms."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from mtcli.config import DecodingConfig
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.search.decoder import IMPOSSIBLE, WIDE, Decoder, JointState
from mtcli.search.rules import Rules, hypothesis
from mtcli.vocab import BOS_ID, EOS_ID

Terms = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Progress:
    """Which terms a hypothesis holds, and which it has begun."""

    terms: Terms
    met: frozenset[int] = frozenset()
    """Indices of the terms that are there."""
    begun: tuple[tuple[int, int], ...] = ()
    """Index of each term that the last pieces begin, and how many of its pieces these are."""
    ended: bool = False
    """Whether a term has just ended: being whole words, it is not gone on with."""

    def after(self, piece: int) -> Progress:
        """What one more piece makes of it."""
        on = [(i, n + 1) for i, n in self.begun if self.terms[i][n] == piece]
        on += [(i, 1) for i, term in enumerate(self.terms) if i not in self.met and term[0] == piece and (i, 1) not in on]
        done = [i for i, n in on if n == len(self.terms[i])]
        if done:
            return Progress(self.terms, self.met | {max(done, key=lambda i: len(self.terms[i]))}, ended=True)
        return Progress(self.terms, self.met, tuple(on))

    @property
    def wanted(self) -> set[int]:
        """Pieces that bring it on."""
        fresh = {term[0] for i, term in enumerate(self.terms) if i not in self.met}
        return {self.terms[i][n] for i, n in self.begun} or fresh

    @property
    def pieces(self) -> int:
        """How many pieces of terms are there."""
        return sum(len(self.terms[i]) for i in self.met) + max((n for _, n in self.begun), default=0)

    @property
    def complete(self) -> bool:
        """Whether all terms are there."""
        return len(self.met) == len(self.terms)


@dataclass(frozen=True)
class Candidate:
    """A hypothesis with one piece more."""

    total: float
    row: int
    piece: int
    progress: Progress


def constrained_search(
    decoder: Decoder, state: JointState, sentences: list[Sentence], config: DecodingConfig, device: torch.device
) -> list[list[Hypothesis]]:
    """As beam_search, each hypothesis with the terms of its sentence, unless its limit of length leaves no room for them.

    The beam is shared out evenly between hypotheses that hold different numbers of pieces of the terms, so that those which
    hold more, and are less likely, stay (Post & Vilar 2018, dynamic beam allocation). It is wider by one for each such piece.
    Terms may repeat what no other pieces may.
    """
    each = (state.select(torch.tensor([i], device=device)) for i in range(len(sentences)))
    return [_search(decoder, own, sentence, config, device) for own, sentence in zip(each, sentences, strict=True)]


def _search(
    decoder: Decoder, state: JointState, sentence: Sentence, config: DecodingConfig, device: torch.device
) -> list[Hypothesis]:
    rules = Rules([sentence], config, device)
    width = config.beam_size + sum(map(len, sentence.terms))
    ended: list[tuple[bool, Hypothesis]] = []
    tokens, totals = torch.full((1, 1), BOS_ID, device=device), torch.zeros(1, device=device)
    progress = [Progress(sentence.terms)]
    continuing = torch.tensor(sorted(decoder.continuing), dtype=torch.int64, device=device)
    while progress and sum(complete for complete, _ in ended) < config.beam_size:
        logits, state = decoder.step(tokens[:, -1], state)
        wanted = torch.zeros_like(logits, dtype=torch.bool)
        for row, each in enumerate(progress):
            wanted[row, list(each.wanted)] = True
            if each.ended:
                logits[row, continuing] = IMPOSSIBLE
        scores = rules.scores(logits, tokens, wanted) + totals[:, None]
        found = candidates(scores, progress, 2 * width)
        full = tokens.size(1) >= int(rules.limits)
        complete = [each for each in found if each.progress.complete][: config.beam_size]
        for best in [each for each in complete if each.piece == EOS_ID] if not full else complete or found[: config.beam_size]:
            ids = [*tokens[best.row, 1:].tolist(), best.piece]
            ended.append((best.progress.complete, hypothesis(ids, best.total, config.length_penalty)))
        kept = [] if full else shared_out([each for each in found if each.piece != EOS_ID], width)
        rows = torch.tensor([each.row for each in kept], dtype=torch.int64, device=device)
        pieces = torch.tensor([each.piece for each in kept], dtype=torch.int64, device=device)
        tokens = torch.cat([tokens[rows], pieces[:, None]], dim=1)
        totals = torch.tensor([each.total for each in kept], device=device)
        progress = [each.progress for each in kept]
        state = state.select(rows) if width > WIDE else state.reorder(rows)
    return [found for _, found in sorted(ended, key=lambda one: (-one[0], -one[1].score))][: config.n_best]


def candidates(scores: Tensor, progress: list[Progress], count: int) -> list[Candidate]:
    """Ways to go on, the likeliest first: the `count` likeliest, the likeliest of each row, and those that bring terms on.

    EOS comes after all terms alone. `scores` [K, V] are log-probabilities of whole hypotheses.
    """
    flat = scores.flatten()
    cells = set(flat.topk(min(count, len(flat))).indices.tolist())
    cells |= {row * scores.size(1) + piece for row, piece in enumerate(scores.argmax(1).tolist())}
    cells |= {row * scores.size(1) + piece for row, each in enumerate(progress) for piece in each.wanted}
    order = sorted(cells)
    found = []
    for cell, total in zip(order, flat[order].tolist(), strict=True):
        row, piece = divmod(cell, scores.size(1))
        if total > IMPOSSIBLE / 2 and (piece != EOS_ID or progress[row].complete):
            found.append(Candidate(total, row, piece, progress[row].after(piece)))
    return sorted(found, key=lambda each: (-each.total, each.row, each.piece))


def shared_out(found: list[Candidate], width: int) -> list[Candidate]:
    """At most `width` of the candidates, in turn the next best with each number of pieces of terms, the highest first."""
    banks = defaultdict(list)
    for each in found:
        banks[each.progress.pieces].append(each)
    queues = [iter(banks[pieces]) for pieces in sorted(banks, reverse=True)]
    kept: list[Candidate] = []
    while queues and len(kept) < width:
        for queue in list(queues):
            best = next(queue, None)
            if best is None:
                queues.remove(queue)
            elif len(kept) < width:
                kept.append(best)
    return kept


def held(sentence: Sentence, hypotheses: list[Hypothesis], decoder: Decoder) -> bool:
    """Whether all hypotheses hold all terms of the sentence, as whole words."""
    return not sentence.terms or all(_holds(found.ids, sentence.terms, decoder.continuing) for found in hypotheses)


def _holds(ids: list[int], terms: Terms, continuing: frozenset[int]) -> bool:
    progress = Progress(terms)
    for piece, following in zip(ids, [*ids, EOS_ID][1:], strict=True):
        progress = progress.after(piece)
        if progress.ended and following in continuing:
            return False
    return progress.complete
