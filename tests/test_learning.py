"""Both architectures learn a small task to the last symbol, from random weights to greedy search."""

from __future__ import annotations

import random

import pytest
import torch

from mtcli.config import DecodingConfig, ModelConfig, TrainingConfig
from mtcli.data.batches import ParallelCorpus
from mtcli.hypothesis import Sentence
from mtcli.model import build
from mtcli.search import Decoder, search
from mtcli.training.loop import TrainingLoop
from mtcli.vocab import BOS_ID, PAD_ID, UNK_ID, VocabSizes

torch.set_num_threads(1)  # on tensors this small, threads only wait for each other

SYMBOLS = range(4, 16)


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "steps"), [("transformer", 500), ("rnn", 400)])
def test_sequences_are_reversed_without_a_mistake(architecture: str, steps: int) -> None:
    random.seed(1)
    torch.manual_seed(1)
    sentences = list({tuple(random.choices(SYMBOLS, k=random.randint(2, 6))) for _ in range(20_000)})
    held_out, known = ([list(sentence) for sentence in part] for part in (sentences[:200], sentences[200:]))
    shape = {"width": 64, "heads": 4, "ff_width": 128, "hidden": 64, "encoder_layers": 2, "decoder_layers": 2}
    model = build(ModelConfig(architecture, dropout=0.0, **shape), VocabSizes(16, 16, shared=True))
    config = TrainingConfig(steps=steps, batch_tokens=512, learning_rate=0.005, label_smoothing=0.0, precision="float32")
    corpus = ParallelCorpus.of((sentence, sentence[::-1]) for sentence in known)
    loop = TrainingLoop(model, lambda epoch: corpus, config, torch.device("cpu"))
    losses = [record.loss for record in loop.steps()]
    assert losses[0] > 2
    assert losses[-1] < 0.05
    [found] = search(
        Decoder([loop.averaged], [PAD_ID, UNK_ID, BOS_ID]),
        [list(map(Sentence, held_out))],
        DecodingConfig(beam_size=1),
        torch.device("cpu"),
    )
    assert [hypotheses[0].ids for hypotheses in found] == [sentence[::-1] for sentence in held_out]
