"""Finding translations with any encoder-decoder. Nothing here knows text or an architecture."""

from __future__ import annotations

import torch

from mtcli.config import DecodingConfig
from mtcli.data.batches import pad
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.search.beam import beam_search
from mtcli.search.constrained import constrained_search
from mtcli.search.decoder import Decoder
from mtcli.search.sample import sample

__all__ = ["PADDING", "Decoder", "search"]

PADDING = 8
"""Sources are padded to a multiple of this."""


@torch.inference_mode()
def search(decoder: Decoder, sentences: list[Sentence], config: DecodingConfig, device: torch.device) -> list[list[Hypothesis]]:
    """The `config.n_best` best hypotheses of each sentence, best first. Either all sentences have terms or none has."""
    src, src_mask = pad([torch.tensor(sentence.ids, dtype=torch.int64) for sentence in sentences], PADDING)
    state = decoder.encode(src.to(device), src_mask.to(device))
    if sentences[0].terms:
        return constrained_search(decoder, state, sentences, config, device)
    if config.temperature:
        return sample(decoder, state, sentences, config, device)
    return beam_search(decoder, state, sentences, config, device)
