"""What a search finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One translation of one sentence."""

    ids: list[int]
    """Target pieces, without BOS and EOS."""
    score: float
    """Log-probability, EOS included, divided by the number of pieces, EOS included, to the power of the length penalty."""
