"""Which words translate which, from what pieces have to do with one another."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mtcli.tokenizer import SPACE

if TYPE_CHECKING:
    from torch import Tensor

Link = tuple[int, int]
"""A source word and a target word that translates it, counted from 0."""


def words_of(pieces: list[str]) -> list[int]:
    """For each piece the word that it belongs to, counted from 0."""
    words, word, empty = [], 0, True
    for piece in pieces:
        if piece.startswith(SPACE) and not empty:
            word, empty = word + 1, True
        words.append(word)
        empty = empty and piece == SPACE
    return words


def links(weights: Tensor, src_words: tuple[int, ...], tgt_words: list[int]) -> list[Link]:
    """The source word that has most to do with each target word. `weights` [T, S] are of pieces; words below 0 are left out."""
    looks: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for tgt, row in zip(tgt_words, weights.tolist(), strict=True):
        for src, weight in zip(src_words, row, strict=True):
            if src >= 0:
                looks[tgt][src] += weight
    return [(max(of, key=of.__getitem__), tgt) for tgt, of in looks.items() if of]


def pharaoh(alignment: tuple[Link, ...]) -> str:
    """As `0-0 1-2`: source word, target word."""
    return " ".join(f"{src}-{tgt}" for src, tgt in sorted(alignment))
