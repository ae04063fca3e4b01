"""Translations that cannot be right, whatever the source says."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_PERIOD = 8
LOOP = 8
"""Pieces that a repetition takes at least before it counts as a loop."""


def is_degenerate(src: list[int], tgt: list[int], limit: int) -> bool:
    """Whether a translation of `src` is empty, was cut at `limit` pieces, or loops where the source does not."""
    if not tgt or len(tgt) >= limit:
        return True
    if len(tgt) - len(set(tgt)) < LOOP // 2:  # a loop of LOOP pieces says at least half of them again
        return False
    loop = repeated(tgt)
    return loop >= LOOP and loop > 2 * repeated(src)


def repeated(ids: Sequence[object]) -> int:
    """Length of the longest run of pieces that is one n-gram three times or more."""
    longest = 0
    for period in range(1, LONGEST_PERIOD + 1):
        run = 0
        for i in range(period, len(ids)):
            run = run + 1 if ids[i] == ids[i - period] else 0
            if run >= 2 * period:
                longest = max(longest, run + period)
    return longest
