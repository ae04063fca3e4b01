"""What searches for translations, ids to ids: torch, which can do everything, and CTranslate2, which is fast."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from mtcli.config import DecodingConfig
from mtcli.errors import UsageError
from mtcli.hypothesis import Hypothesis, Sentence

Found = Callable[[], list[list[Hypothesis]]]
"""Waits for the search: of each sentence the `n_best` best hypotheses, best first."""


def check_device(name: str, gpu_at_hand: Callable[[], bool]) -> None:
    """Raises UsageError when `name` is no device, or a GPU that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device cannot be {name}: choose auto, cpu or cuda")
    if name == "cuda" and not gpu_at_hand():
        raise UsageError("--device cuda: no GPU is at hand, or the engine was built without CUDA")


def check_process(maker: int) -> None:
    """Raises UsageError in a process that was forked after an engine was made: what works for that did not come along."""
    if os.getpid() != maker:
        raise UsageError("a translator works in the process that loaded it: load it after the fork")


class Engine(Protocol):
    """A model, ready to translate."""

    name: str

    def submit(self, sentences: list[Sentence], config: DecodingConfig) -> Found:
        """Begin to search for translations. What is found for a sentence does not depend on the others."""

    def close(self) -> None:
        """End what works for the engine; what was begun is not finished."""
