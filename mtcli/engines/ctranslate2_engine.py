"""Searching with CTranslate2: fast, for Transformers that were exported."""

from __future__ import annotations

import ctypes
import math
import os
from collections import defaultdict
from typing import Any

from mtcli.config import DecodingConfig
from mtcli.ct2 import VMAP
from mtcli.engines import Found, check_device, check_process
from mtcli.errors import PackageError, UsageError
from mtcli.hypothesis import Hypothesis, Sentence

BATCH_TOKENS = 1024
"""Source positions in a batch, padding included."""
_CUDA = "libcublas.so.12"
"""What CTranslate2 looks for on a GPU, but only when it is to translate."""


class CTranslate2Engine:
    """See Engine. Several workers of one thread each search for batches of their own."""

    name = "ctranslate2"

    def __init__(self, files: dict[str, bytes], src: list[str], tgt: list[str], device: str, threads: int) -> None:
        """`files` have been checked; `src` and `tgt` are the pieces of all ids. Raises UsageError for lack of a GPU."""
        import ctranslate2

        check_device(device, lambda: ctranslate2.get_cuda_device_count() > 0)
        if device == "auto" and not (ctranslate2.get_cuda_device_count() and _has_cuda()):
            device = "cpu"
        elif device == "cuda" and not _has_cuda():
            raise UsageError(f"--device cuda: CTranslate2 finds no {_CUDA}: install CUDA 12, or take --engine torch")
        workers = threads if device == "cpu" else 1
        try:
            self._translator = ctranslate2.Translator("model", device=device, inter_threads=workers, intra_threads=1, files=files)
        except (RuntimeError, ValueError) as error:
            raise PackageError(
                f"the model for CTranslate2 is damaged ({error}): write it again with `mtcli export --to ctranslate2`"
            ) from error
        self._src, self._pieces, self._tgt = src, tgt, {piece: i for i, piece in enumerate(tgt)}
        self._has_vmap, self._process = VMAP in files, os.getpid()

    def submit(self, sentences: list[Sentence], config: DecodingConfig) -> Found:
        """See Engine. It knows no terms and draws nothing at random."""
        check_process(self._process)
        groups = defaultdict(list)  # the same limits of length for all that is searched for together
        for i, sentence in enumerate(sentences):
            groups[config.limits(len(sentence.ids), len(sentence.prefix))].append(i)
        jobs = [
            (i, limits[1], job)
            for limits, group in sorted(groups.items(), key=lambda of: -of[0][1])  # the longest first: no worker idles at the end
            for i, job in zip(group, self._begin([sentences[i] for i in group], limits, config), strict=True)
        ]

        def found() -> list[list[Hypothesis]]:
            by_index = {i: self._hypotheses(job.result(), limit, config.length_penalty) for i, limit, job in jobs}
            return [by_index[i] for i in range(len(sentences))]

        return found

    def close(self) -> None:
        """See Engine. Its threads end with the process."""

    def _begin(self, sentences: list[Sentence], limits: tuple[int, int], config: DecodingConfig) -> list[Any]:
        prefixes = [[self._pieces[i] for i in sentence.prefix] or None for sentence in sentences]
        jobs: list[Any] = self._translator.translate_batch(
            [[self._src[i] for i in sentence.ids] for sentence in sentences],
            target_prefix=prefixes if any(prefixes) else None,
            beam_size=config.beam_size,
            num_hypotheses=config.n_best,
            length_penalty=config.length_penalty,
            no_repeat_ngram_size=config.no_repeat_ngram,
            min_decoding_length=limits[0],
            max_decoding_length=limits[1],
            max_input_length=0,
            max_batch_size=BATCH_TOKENS,
            batch_type="tokens",
            return_scores=True,
            use_vmap=self._has_vmap,
            asynchronous=True,
        )
        return jobs

    def _hypotheses(self, result: Any, limit: int, length_penalty: float) -> list[Hypothesis]:
        return [
            self._hypothesis([self._tgt[piece] for piece in pieces], score, limit, length_penalty)
            for pieces, score in zip(result.hypotheses, result.scores, strict=True)
            if not math.isnan(score)  # as of damaged weights
        ]

    def _hypothesis(self, ids: list[int], score: float, limit: int, length_penalty: float) -> Hypothesis:
        count = min(len(ids) + 1, limit)  # EOS is one of them, unless the limit was reached
        return Hypothesis(ids, score, math.exp(score * count ** (length_penalty - 1)))


def _has_cuda() -> bool:
    try:
        ctypes.CDLL(_CUDA)
    except OSError:
        return False
    return True
