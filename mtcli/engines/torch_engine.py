"""Searching with torch: the reference, for every architecture and every option."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from mtcli.config import DecodingConfig
from mtcli.data.batches import cut
from mtcli.engines import Found
from mtcli.errors import UsageError, out_of_memory
from mtcli.hypothesis import Hypothesis
from mtcli.search import PADDING, Decoder, search

log = logging.getLogger("mtcli")

Hypotheses = list[list[Hypothesis]]


class TorchEngine:
    """See Engine. So many `workers` each search with one thread for a batch of their own; with none, the caller does it."""

    name = "torch"

    def __init__(self, decoder: Decoder, device: torch.device, workers: int = 0) -> None:
        self._decoder, self._device = decoder, device
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) if workers else None
        self._share = 1
        """Share of a batch, 1/n, that memory holds."""

    def submit(self, sentences: list[list[int]], config: DecodingConfig) -> Found:
        """See Engine."""
        # Padded lengths that depend on the sentence alone make results that do so, too, down to the last bit.
        lengths = [(len(ids) + PADDING) // PADDING * PADDING * config.beam_size for ids in sentences]
        longest_first = sorted(range(len(sentences)), key=lambda i: -lengths[i])
        batches = []
        for length in sorted(set(lengths), reverse=True):
            batches += cut([i for i in longest_first if lengths[i] == length], lengths, config.batch_tokens)
        jobs = [self._begin([sentences[i] for i in batch], config) for batch in batches]

        def found() -> Hypotheses:
            hypotheses: Hypotheses = [[] for _ in sentences]
            for batch, job in zip(batches, jobs, strict=True):
                for i, of_one in zip(batch, job.result(), strict=True):
                    hypotheses[i] = of_one
            return hypotheses

        return found

    def _begin(self, batch: list[list[int]], config: DecodingConfig) -> Future[Hypotheses]:
        if self._pool:
            return self._pool.submit(self._search, batch, config)
        job: Future[Hypotheses] = Future()
        job.set_result(self._search(batch, config))
        return job

    def _search(self, batch: list[list[int]], config: DecodingConfig) -> Hypotheses:
        """Search; when memory runs out, in smaller parts from then on."""
        size = max(1, len(batch) // self._share)
        try:
            parts = (batch[i : i + size] for i in range(0, len(batch), size))
            return [hyps for part in parts for hyps in search(self._decoder, part, config, self._device)]
        except (MemoryError, RuntimeError) as error:
            if size == 1 or not out_of_memory(error):
                raise
        log.warning("out of memory with %d sentences at once: trying half as many", size)
        self._share *= 2
        return self._search(batch, config)


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU when there is one. Raises UsageError when there is no such device."""
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device cannot be {name}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no GPU is at hand, or this torch was built without CUDA")
    return torch.device("cuda" if torch.cuda.is_available() and name != "cpu" else "cpu")
