"""The training loop: a generator of step records. The caller prints, validates, saves and stops."""

from __future__ import annotations

import copy
import logging
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtcli.config import TrainingConfig
from mtcli.data.batches import Batch, Batches, ParallelCorpus
from mtcli.errors import TrainingError, UsageError, out_of_memory
from mtcli.model import EncoderDecoder, matmul_dtype
from mtcli.training import parallel
from mtcli.training.losses import CrossEntropy, RDropLoss
from mtcli.training.optimizer import Optimizer

log = logging.getLogger("mtcli")

TRIALS = 3
"""Batches that are computed to tell how long training will take."""


@dataclass(frozen=True)
class StepRecord:
    """One update of the weights."""

    step: int
    epoch: int
    """Counted from 1."""
    progress: float
    """Share of the budget that is used up, from 0 to 1."""
    loss: float
    """Nats a target token, label smoothing included."""
    tgt_tokens: int
    """Real target tokens in the batch."""
    learning_rate: float
    grad_norm: float
    """Before clipping."""
    seconds: float
    """Of training in all, validation and earlier runs included."""


Corpora = Callable[[int], ParallelCorpus]
"""The sentence pairs of an epoch, counted from 0: always the same ones, or sampled anew."""


class TrainingLoop:
    """Model, averaged model, optimiser and place in the data: all that a resumed run needs."""

    def __init__(self, model: EncoderDecoder, corpora: Corpora, config: TrainingConfig, device: torch.device) -> None:
        self.model, self.corpora, self.config, self.device = model.to(device), corpora, config, device
        for prefix in config.freeze:
            if not any(name.startswith(prefix) for name, _ in model.named_parameters()):
                raise UsageError(f"training.freeze: no weight has a name that begins with {prefix}")
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not name.startswith(config.freeze))
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise UsageError(f"training.freeze = {list(config.freeze)} leaves nothing to train")
        self.averaged = copy.deepcopy(self.model).requires_grad_(False)
        """The model with the moving average of the weights: the one to validate and keep."""
        self.dtype = matmul_dtype(config.precision, device)
        self.optimizer = Optimizer(self.model, config.weight_decay, self.dtype)
        self.step = self.epoch = self.position = 0
        self.progress = 0.0
        """Share of the budget that is used up, from 0 to 1, the same in all processes: see `agree`."""
        self.stopping = False
        """Whether some process was asked to stop: the same in all of them."""
        self.stop_asked = False
        """Whether this process was."""
        self.reserve = 0.0
        """Seconds of the budget to leave for what comes after the last step."""
        self.micro_batches = 1
        """Parts in which a batch is computed, because memory does not hold all of it."""
        self.started = time.monotonic()
        """When training would have started had it never been interrupted."""
        self._made: tuple[int, ParallelCorpus, Batches] | None = None
        """The epoch that was last made, with its corpus and batches."""
        self._ahead: tuple[ParallelCorpus, list[int], Batch] | None = None
        """The batch that will be wanted next: on its way to the device while that computes."""
        self.epoch_batches = 0
        """Updates in the current epoch, once its corpus is there."""

    @property
    def seconds(self) -> float:
        """Of training so far, validation and earlier runs included."""
        return time.monotonic() - self.started

    def used(self) -> float:
        """Share of the budget that is used up, from 0 to 1, by this process's clock."""
        config = self.config
        epochs = self.epoch + (self.position / self.epoch_batches if self.epoch_batches else 0)
        shares = (
            self.step / config.steps if config.steps else 0.0,
            epochs / config.epochs if config.epochs else 0.0,
            (self.seconds + self.reserve) / config.seconds if config.seconds else 0.0,
        )
        return min(1.0, max(shares))

    def agree(self) -> None:
        """Set `progress` and `stopping`, in all processes alike."""
        self.progress, stop = parallel.largest([self.used(), float(self.stop_asked)], self.device)
        self.stopping = stop > 0

    def expected_seconds(self) -> float:
        """Of the updates that are left, about: some are computed, and thrown away."""
        left = 1 - self.used()
        corpus, batches = self._this_epoch()
        total = min(filter(None, (self.config.steps, self.config.epochs * len(batches))), default=0)
        self.model.train()
        times = []
        for batch in batches[:TRIALS] if left else []:
            started = time.monotonic()
            loss = self._gradients(corpus, batch, 1)
            self.optimizer.rehearse()
            loss.item()  # waits for the device
            times.append(time.monotonic() - started)
        return statistics.median(times) * total * left if times else 0.0

    def steps(self) -> Iterator[StepRecord]:
        """Train until the budget is used up, from wherever the loop stands."""
        self.agree()
        while self.progress < 1:
            corpus, batches = self._this_epoch()
            self.epoch_batches = len(batches)
            self.agree()  # cutting words anew takes its time
            while self.position < len(batches):
                if self.progress >= 1:
                    return
                yield self._update(corpus, batches)
            self.epoch, self.position = self.epoch + 1, 0

    def _this_epoch(self) -> tuple[ParallelCorpus, Batches]:
        """The corpus of the epoch and its batches, made once: cutting words anew takes its time."""
        if self._made is None or self._made[0] != self.epoch:
            corpus = self.corpora(self.epoch)
            self._made = self.epoch, corpus, corpus.epoch(self.config.batch_tokens, self.config.seed, self.epoch)
        return self._made[1], self._made[2]

    def _update(self, corpus: ParallelCorpus, batches: Batches) -> StepRecord:
        rate = self.config.learning_rate * schedule(self.step, self.progress, self.config.warmup_steps)
        self.model.train()
        indices = batches[self.position]
        tokens = int(corpus.tgt.lengths[indices].sum()) + len(indices)
        loss = self._gradients(corpus, indices, tokens)
        parallel.add_up([loss, *(p.grad for p in self.parameters if p.grad is not None)])
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        self.optimizer.step(rate)
        self._follow()
        if self.position + 1 < len(batches):
            self._look_ahead(corpus, batches[self.position + 1])
        found = torch.stack([loss, norm]).tolist()  # here a GPU is waited for, once an update
        if not math.isfinite(found[1]):
            raise diverged(self.step)
        self.step += 1
        self.position += 1
        self.agree()
        return StepRecord(self.step, self.epoch + 1, self.progress, found[0], tokens, rate, found[1], self.seconds)

    @torch.no_grad()
    def _follow(self) -> None:
        """Exponential moving average that follows closely at first, as in Polyak averaging with bias correction."""
        share = 1 - min(self.config.average_decay, (1 + self.step) / (10 + self.step)) if self.step else 1.0
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), share)

    def _look_ahead(self, corpus: ParallelCorpus, indices: list[int]) -> None:
        part = _parts(self._mine(indices), self.micro_batches)[0]
        self._ahead = corpus, part, corpus.batch(part).to(self.device)

    def _mine(self, indices: list[int]) -> list[int]:
        """The share of a batch that this process computes, at least one pair."""
        return indices[parallel.rank() :: parallel.world()] or indices[:1]

    def _gradients(self, corpus: ParallelCorpus, indices: list[int], tokens: int) -> Tensor:
        """Gradients of the mean loss of `tokens` target tokens, of this process's share; returns that share of the loss.

        What is random depends on seed, step and process alone. When memory runs out, the batch is computed in smaller parts.
        """
        mine = self._mine(indices)
        scale = (1.0 if len(indices) > parallel.rank() else 0.0) / tokens  # with nothing to do, gradients of zero
        while True:
            torch.manual_seed(((self.config.seed % 2**31) * 2**32 + self.step * 1_009 + parallel.rank()) % 2**63)
            self.optimizer.zero_grad()
            try:
                parts = _parts(mine, self.micro_batches)
                return torch.stack([self._backward(corpus, part, scale) for part in parts]).sum()
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self.micro_batches >= len(mine):
                    raise
            self.halve()

    def halve(self) -> None:
        """From now on compute each batch in twice as many parts: memory has run out."""
        self.micro_batches *= 2
        log.warning("out of memory: each batch is now computed in %d parts, with the same result", self.micro_batches)

    def _backward(self, corpus: ParallelCorpus, indices: list[int], scale: float) -> Tensor:
        if self._ahead and self._ahead[0] is corpus and self._ahead[1] == indices:
            batch = self._ahead[2]
        else:
            batch = corpus.batch(indices).to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            losses = training_losses(self.model, batch, self.config.label_smoothing, self.config.r_drop)
        loss = losses.sum() * scale
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def _parts(indices: list[int], count: int) -> list[list[int]]:
    size = math.ceil(len(indices) / count)
    return [indices[i : i + size] for i in range(0, len(indices), size)]


def diverged(step: int) -> TrainingError:
    """The error to raise when the loss is not a number, or hopelessly large."""
    return TrainingError(f"training has diverged after step {step}: give --fresh and a smaller --set training.learning_rate=...")


def token_losses(model: EncoderDecoder, batch: Batch) -> Tensor:
    """Cross-entropy in nats of each real target token of the batch, [N]."""
    return F.cross_entropy(_logits(model, batch), _targets(batch), reduction="none")


def training_losses(model: EncoderDecoder, batch: Batch, label_smoothing: float, r_drop: float) -> Tensor:
    """What training makes small, for each real target token [N]: CrossEntropy, or with R-Drop what RDropLoss says."""
    losses: Tensor
    if r_drop:
        losses = RDropLoss.apply(_logits(model, batch.twice()), _targets(batch), label_smoothing, r_drop)  # type: ignore[no-untyped-call]
    else:
        losses = CrossEntropy.apply(_logits(model, batch), _targets(batch), label_smoothing)  # type: ignore[no-untyped-call]
    return losses


def _targets(batch: Batch) -> Tensor:
    """What each real target token is [N]."""
    return batch.tgt_out.flatten()[batch.tgt_real]


def _logits(model: EncoderDecoder, batch: Batch) -> Tensor:
    """Of each real target token [N, V]; padding is not even projected."""
    return model.project(model.features(batch.src, batch.src_mask, batch.tgt_in).flatten(0, 1)[batch.tgt_real])


def schedule(step: int, progress: float, warmup_steps: int) -> float:
    """Share of the peak learning rate: up in a line during warm-up, down in a line to zero at the end of the budget.

    Warm-up never takes more than a tenth of the budget.
    """
    warm = max((step + 1) / max(1, warmup_steps), progress / 0.1)
    return min(1.0, warm) * (1 - progress)
