"""Finding translations with any encoder-decoder. Nothing here knows text or an architecture."""

from __future__ import annotations

import torch

from mtcli.config import DecodingConfig
from mtcli.data.batches import pad
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.search.beam import beam_search
from mtcli.search.constrained import constrained_search, held
from mtcli.search.decoder import Decoder, JointState
from mtcli.search.sample import sample

__all__ = ["PADDING", "Decoder", "search"]

PADDING = 8
"""Sources are padded to a multiple of this."""


@torch.inference_mode()
def search(decoder: Decoder, sentences: list[Sentence], config: DecodingConfig, device: torch.device) -> list[list[Hypothesis]]:
    """The `config.n_best` best hypotheses of each sentence, best first. Either all sentences have terms or none has."""

    def begin(some: list[Sentence]) -> JointState:
        src, src_mask = pad([sentence.ids for sentence in some], PADDING)
        return decoder.encode(src.to(device), src_mask.to(device))

    if config.temperature and not sentences[0].terms:
        return sample(decoder, begin(sentences), sentences, config, device)
    found = beam_search(decoder, begin(sentences), sentences, config, device)
    missing = [i for i, (sentence, hyps) in enumerate(zip(sentences, found, strict=True)) if not held(sentence, hyps, decoder)]
    if missing:  # most terms come of themselves
        some = [sentences[i] for i in missing]
        for i, hyps in zip(missing, constrained_search(decoder, begin(some), some, config, device), strict=True):
            if held(sentences[i], hyps[:1], decoder):  # else what is there without them is better than what ran on to the limit
                found[i] = hyps
    return found
