"""What searches for translations, ids to ids: torch, which can do everything, and CTranslate2, which is fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mtcli.config import DecodingConfig
from mtcli.hypothesis import Hypothesis

Found = Callable[[], list[list[Hypothesis]]]
"""Waits for the search: of each sentence the `n_best` best hypotheses, best first."""


class Engine(Protocol):
    """A model, ready to translate."""

    name: str

    def submit(self, sentences: list[list[int]], config: DecodingConfig) -> Found:
        """Begin to search for translations of sentences of source ids, without BOS and EOS, none of them empty.

        What is found for a sentence does not depend on the others.
        """

    def close(self) -> None:
        """End what works for the engine; what was begun is not finished."""
