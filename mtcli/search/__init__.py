"""Finding translations with any encoder-decoder. Nothing here knows text or an architecture."""

from __future__ import annotations

import itertools

import torch

from mtcli.config import DecodingConfig
from mtcli.data.batches import pad
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.search.beam import beam_search
from mtcli.search.constrained import constrained_search, held
from mtcli.search.decoder import Decoder, JointState
from mtcli.search.sample import sample

__all__ = ["Decoder", "positions", "room", "search"]

PADDING = 8
"""Sources are padded to a multiple of this when they are read."""


def positions(sentence: Sentence) -> int:
    """Source positions that are read of a sentence, EOS and padding included: it depends on nothing else."""
    return (len(sentence.ids) + PADDING) // PADDING * PADDING


def room(sentence: Sentence) -> int:
    """Source positions that a sentence has while it is translated, a power of two: few lengths, as those alike go on together."""
    return 1 << (positions(sentence) - 1).bit_length()


@torch.inference_mode()
def search(
    decoder: Decoder, batches: list[list[Sentence]], config: DecodingConfig, device: torch.device
) -> list[list[list[Hypothesis]]]:
    """The `config.n_best` best hypotheses of each sentence of each batch, best first.

    All have the same `room`, and either all have terms or none has.
    """

    def begin(some: list[Sentence]) -> JointState:
        states = []
        for _, alike in itertools.groupby(some, positions):
            src, src_mask = pad([sentence.ids for sentence in alike], PADDING)
            states.append(decoder.encode(src.to(device), src_mask.to(device)).padded(room(some[0])))
        return states[0].joined(states[1:]) if len(states) > 1 else states[0]

    if config.temperature:
        return [sample(decoder, begin(batch), batch, config, device) for batch in batches]
    found = beam_search(decoder, begin, batches, config, device)
    for batch, hypotheses in zip(batches, found, strict=True):
        missing = [
            i for i, (sentence, hyps) in enumerate(zip(batch, hypotheses, strict=True)) if not held(sentence, hyps, decoder)
        ]
        if missing:  # most terms come of themselves
            some = [batch[i] for i in missing]
            for i, hyps in zip(missing, constrained_search(decoder, begin(some), some, config, device), strict=True):
                if held(batch[i], hyps[:1], decoder):  # else what is there without them is better than what ran on to the limit
                    hypotheses[i] = hyps
    return found
