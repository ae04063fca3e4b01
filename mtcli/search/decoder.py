"""Models made ready to decode: what a search asks for the next piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtcli.model import DecoderState, EncoderDecoder
from mtcli.model.layers import map_in

IMPOSSIBLE = -1e9
"""Logit of pieces that may not come next."""
WIDE = 32
"""With more hypotheses each is a sentence by itself to a model: asking all that all of them read grows with their square."""
CHUNK = 64
"""The pieces that a search looks at are filled up to a multiple of this."""


@dataclass(frozen=True)
class JointState(DecoderState):
    """The states of several models side by side."""

    states: tuple[DecoderState, ...]

    def reorder(self, index: Tensor) -> JointState:
        """See DecoderState."""
        return JointState(tuple(state.reorder(index) for state in self.states))

    def select(self, index: Tensor) -> JointState:
        """See DecoderState."""
        return JointState(tuple(state.select(index) for state in self.states))

    def padded(self, length: int) -> JointState:
        """See DecoderState."""
        return JointState(tuple(state.padded(length) for state in self.states))

    def joined(self, others: Sequence[JointState]) -> JointState:
        """See DecoderState."""
        alike = zip(self.states, *(other.states for other in others), strict=True)
        return JointState(tuple(state.joined(same) for state, *same in alike))


class Decoder:
    """Models made ready to decode together: matrix products in `dtype`, pieces in `never` impossible."""

    def __init__(
        self,
        models: Sequence[EncoderDecoder],
        never: list[int],
        dtype: torch.dtype = torch.float32,
        continuing: Sequence[int] = (),
    ) -> None:
        """The models themselves stay as they are. Several have one vocabulary. `continuing` pieces go on with a word."""
        self.models, self.continuing = models, frozenset(continuing)
        self._models = [_Ready(model, never, dtype) for model in models]

    def encode(self, src: Tensor, src_mask: Tensor) -> JointState:
        """See EncoderDecoder."""
        return JointState(tuple(ready.model.encode(src, src_mask) for ready in self._models))

    def step(self, tokens: Tensor, state: JointState) -> tuple[Tensor, JointState]:
        """Logits [R, V'] of what follows one more `tokens` [R], V' being V rounded up to whole chunks.

        Those of several models give the mean of their probabilities.
        """
        steps = [ready.step(tokens, state) for ready, state in zip(self._models, state.states, strict=True)]
        after = JointState(tuple(state for _, state in steps))
        if len(steps) == 1:
            return steps[0][0], after
        scores = torch.stack([logits.log_softmax(-1, dtype=torch.float32) for logits, _ in steps])
        return scores.logsumexp(0) - math.log(len(steps)), after


class _Ready:
    def __init__(self, model: EncoderDecoder, never: list[int], dtype: torch.dtype) -> None:
        self.model = model.with_products_in(dtype).eval()
        bias = model.output_bias.detach().clone()
        bias[never] = IMPOSSIBLE
        missing = -len(bias) % CHUNK
        weight = F.pad(model.output_weight.detach(), (0, 0, 0, missing))
        self._output = map_in(dtype, weight, F.pad(bias, (0, missing), value=IMPOSSIBLE))

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        features, state = self.model.advance(tokens, state)
        return self._output(features), state
