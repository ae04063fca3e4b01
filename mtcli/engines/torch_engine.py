"""Searching with torch: the reference, for every architecture and every option."""

from __future__ import annotations

import functools
import itertools
import logging
import math
import multiprocessing.process
import os
from collections.abc import Iterator
from concurrent.futures import Future

import torch

from mtcli.config import DecodingConfig
from mtcli.data.batches import Batch, ParallelCorpus, cut
from mtcli.engines import Found, check_device, check_process
from mtcli.errors import TranslationError, out_of_memory
from mtcli.heap import keep_memory
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.search import Decoder, positions, room, search
from mtcli.training.loop import token_losses
from mtcli.workers import apply, noticing_the_dead, pool

log = logging.getLogger("mtcli")

Share = list[list[Sentence]]
"""Batches of sentences that are given as much room."""
Hypotheses = list[list[Hypothesis]]


class TorchEngine:
    """See Engine. So many `workers`, processes of one thread, search; with none, the caller does."""

    name = "torch"

    def __init__(self, decoder: Decoder, device: torch.device, workers: int = 0) -> None:
        self._decoder, self._device, self._pool, self._jobs = decoder, device, None, 1
        if workers > 1:
            self._jobs = 2 * workers  # two for each, so that none is idle for long
            self._pool = pool(workers, self._search, _begin_worker)
        self._workers: list[multiprocessing.process.BaseProcess] = []
        self._process = os.getpid()
        self._share = 1
        """Share of a batch, 1/n, that memory holds."""

    def submit(self, sentences: list[Sentence], config: DecodingConfig) -> Found:
        """See Engine. Sentences that are given as much room are a job for a worker, or several."""
        # Lengths that depend on the sentence alone make results that do so, too, down to the last bit.
        beams = config.n_best if config.temperature else config.beam_size
        lengths = [room(sentence) * beams for sentence in sentences]
        kinds = [(length, bool(sentence.terms)) for length, sentence in zip(lengths, sentences, strict=True)]
        longest_first = sorted(range(len(sentences)), key=lambda i: (kinds[i], positions(sentences[i])), reverse=True)
        groups = [list(alike) for _, alike in itertools.groupby(longest_first, kinds.__getitem__)]
        batches_of = [cut(alike, lengths, config.batch_tokens) for alike in groups]
        most = math.ceil(sum(map(len, batches_of)) / self._jobs)  # batches that are searched together save steps
        shares = [batches[i : i + most] for batches in batches_of for i in range(0, len(batches), most)]
        jobs = self._begin([[[sentences[i] for i in batch] for batch in batches] for batches in shares], config)

        def found() -> Hypotheses:
            hypotheses: Hypotheses = [[] for _ in sentences]
            for batches, job in zip(shares, jobs, strict=True):
                for i, of_one in zip(itertools.chain(*batches), job(), strict=True):
                    hypotheses[i] = of_one
            return hypotheses

        return found

    @torch.inference_mode()
    def score(self, pairs: list[tuple[list[int], list[int]]], config: DecodingConfig) -> list[float]:
        """The log-probability in nats of each target given its source, EOS included: what training makes large, in float32."""
        scores = [0.0] * len(pairs)
        for indices, batch in self._in_batches(pairs, config):
            of_pieces = -token_losses(self._decoder.models[0], batch)
            lengths = batch.tgt_mask.sum(1).tolist()
            for i, part in zip(indices, torch.split(of_pieces, lengths), strict=True):
                scores[i] = part.sum().item()
        return scores

    @torch.inference_mode()
    def alignment(self, pairs: list[tuple[list[int], list[int]]], config: DecodingConfig) -> list[torch.Tensor]:
        """How much each target piece and each source piece have to do with one another, [T, S] of each pair, EOS not among them.

        That is how much the first looks at the second, times the share that it has of all that looks there: both must agree.
        """
        found: list[torch.Tensor] = [torch.empty(0, 0)] * len(pairs)
        for indices, batch in self._in_batches(pairs, config):
            weights = self._decoder.models[0].attention(batch.src, batch.src_mask, batch.tgt_in).cpu()
            for row, i in enumerate(indices):
                src, tgt = pairs[i]
                looks = weights[row, :, : len(tgt), : len(src)]
                found[i] = (looks * looks / looks.sum(1, keepdim=True).clamp_min(1e-9)).mean(0)
        return found

    def _in_batches(self, pairs: list[tuple[list[int], list[int]]], config: DecodingConfig) -> Iterator[tuple[list[int], Batch]]:
        corpus = ParallelCorpus.of(pairs)
        lengths = corpus.lengths.tolist()
        for indices in cut(sorted(range(len(pairs)), key=lengths.__getitem__), lengths, config.batch_tokens):
            yield indices, corpus.batch(indices).to(self._device)

    def _begin(self, shares: list[Share], config: DecodingConfig) -> list[Found]:
        if not self._pool or len(shares) < 2:
            return [functools.partial(self._search, batches, config) for batches in shares]
        check_process(self._process)
        others = set(multiprocessing.active_children())
        with noticing_the_dead(TranslationError, ": give --threads 1"):
            jobs = [self._pool.submit(apply, batches, config) for batches in shares]
        self._workers += set(multiprocessing.active_children()) - others
        return [functools.partial(_result, job) for job in jobs]

    def _search(self, batches: Share, config: DecodingConfig) -> Hypotheses:
        """Search; when memory runs out, in smaller parts from then on."""
        size = max(1, max(map(len, batches)) // self._share)
        try:
            parts = [batch[i : i + size] for batch in batches for i in range(0, len(batch), size)]
            return list(itertools.chain(*search(self._decoder, parts, config, self._device)))
        except (MemoryError, RuntimeError) as error:
            if size == 1 or not out_of_memory(error):
                raise
        log.warning("out of memory with %d sentences at once: trying half as many", size)
        self._share *= 2
        return self._search(batches, config)

    def close(self) -> None:
        """See Engine."""
        for worker in self._workers:
            worker.kill()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    torch.set_num_threads(1)
    keep_memory()


def _result(job: Future[Hypotheses]) -> Hypotheses:
    with noticing_the_dead(TranslationError, ": give --threads 1"):
        return job.result()


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU when there is one. Raises UsageError when there is no such device."""
    check_device(name, torch.cuda.is_available)
    return torch.device("cuda" if torch.cuda.is_available() and name != "cpu" else "cpu")
