"""What a search is asked, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """One sentence to translate. What is found for it does not depend on others."""

    ids: list[int]
    """Source pieces, without BOS and EOS; never empty."""
    prefix: tuple[int, ...] = ()
    """Target pieces that each translation begins with."""
    terms: tuple[tuple[int, ...], ...] = ()
    """Runs of target pieces that a translation must hold, each in a place of its own."""


@dataclass(frozen=True)
class Hypothesis:
    """One translation of one sentence."""

    ids: list[int]
    """Target pieces, without BOS and EOS."""
    score: float
    """Log-probability, EOS included, divided by the number of pieces, EOS included, to the power of the length penalty.

    Pieces of a prefix count as certain.
    """
    confidence: float
    """Mean probability of a piece, EOS included, from 0 to 1: the geometric mean."""
