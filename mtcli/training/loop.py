"""The training loop: a generator of step records. The caller prints, validates, saves and stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel

from mtcli.config import TrainingConfig
from mtcli.data.batches import Batch, ParallelCorpus
from mtcli.errors import TrainingError
from mtcli.model import EncoderDecoder

Tensors = tuple[Tensor, ...] | list[Tensor]


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


class TrainingLoop:
    """Model, averaged model, optimiser and place in the data: all that a resumed run needs."""

    def __init__(self, model: EncoderDecoder, corpus: ParallelCorpus, config: TrainingConfig, device: torch.device) -> None:
        self.model, self.corpus, self.config, self.device = model.to(device), corpus, config, device
        self.average = AveragedModel(model, multi_avg_fn=_average(config.average_decay))
        self.optimizer = AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True)
        self.dtype = matmul_dtype(config.precision, device)
        self.step = self.epoch = self.position = 0
        self.reserve = 0.0
        """Seconds of the budget to leave for what comes after the last step."""
        self.started = time.monotonic()
        """When training would have started had it never been interrupted."""

    @property
    def averaged(self) -> EncoderDecoder:
        """The model with the moving average of the weights: the one to validate and keep."""
        return cast(EncoderDecoder, self.average.module)

    @property
    def seconds(self) -> float:
        """Of training so far, validation and earlier runs included."""
        return time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Share of the budget that is used up, from 0 to 1."""
        by_steps = self.step / self.config.steps if self.config.steps else 0.0
        by_time = (self.seconds + self.reserve) / self.config.seconds if self.config.seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def steps(self) -> Iterator[StepRecord]:
        """Train until the budget is used up, from wherever the loop stands."""
        while True:
            batches = self.corpus.epoch(self.config.batch_tokens, self.config.seed, self.epoch)
            for indices in batches[self.position :]:
                if self.progress >= 1:
                    return
                self.position += 1
                yield self._update(self.corpus.batch(indices).to(self.device))
            self.epoch, self.position = self.epoch + 1, 0

    def _update(self, batch: Batch) -> StepRecord:
        progress = self.progress
        rate = self.config.learning_rate * schedule(self.step, progress, self.config.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            loss = token_losses(self.model, batch, self.config.label_smoothing).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        if not norm.isfinite():
            raise TrainingError(
                f"the loss is not a number any more after step {self.step}: give a smaller training.learning_rate"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.model)
        self.step += 1
        tokens = int(batch.tgt_mask.sum())
        return StepRecord(self.step, self.epoch + 1, self.progress, loss.item(), tokens, rate, norm.item(), self.seconds)


def diverged(step: int) -> TrainingError:
    """The error to raise when a loss is not a number."""
    return TrainingError(f"the loss is not a number any more after step {step}: give a smaller training.learning_rate")


def token_losses(model: EncoderDecoder, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats of each real target token of the batch, [N]; padding is not even projected."""
    features = model.features(batch.src, batch.src_mask, batch.tgt_in)[batch.tgt_mask]
    targets = batch.tgt_out[batch.tgt_mask]
    return F.cross_entropy(model.project(features), targets, label_smoothing=label_smoothing, reduction="none")


def schedule(step: int, progress: float, warmup_steps: int) -> float:
    """Share of the peak learning rate: up in a line during warm-up, down in a line to zero at the end of the budget.

    Warm-up never takes more than a tenth of the budget.
    """
    warm = max((step + 1) / max(1, warmup_steps), progress / 0.1)
    return min(1.0, warm) * (1 - progress)


def matmul_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that `training.precision` stands for on this device."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    fast = (
        torch.cuda.is_bf16_supported(including_emulation=False)
        if device.type == "cuda"
        else torch.cpu._is_avx512_bf16_supported()
    )
    return torch.bfloat16 if fast else torch.float32


def _average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Exponential moving average that follows closely at first, as in Polyak averaging with bias correction."""

    def update(averages: Tensors, weights: Tensors, count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, weights, share)

    return update
