"""Pairs held out of a corpus for validation."""

from __future__ import annotations

import random
from collections.abc import Callable

Pairs = list[tuple[str, str]]


def split(pairs: Pairs, size: int, seed: int, normalise: Callable[[str], str] = str.strip) -> tuple[list[int], list[int]]:
    """Indices of training pairs, and of `size` dev pairs drawn at random; no dev side is empty or stands in the training pairs.

    Sides that `normalise` makes equal are the same, and those of which it leaves nothing are empty.
    """
    keys = [(normalise(src), normalise(tgt)) for src, tgt in pairs]
    full = [i for i, (src, tgt) in enumerate(keys) if src and tgt]
    chosen = sorted(random.Random(seed).sample(full, min(size, len(full))))
    src_sides, tgt_sides = {keys[i][0] for i in chosen}, {keys[i][1] for i in chosen}
    return [i for i, (src, tgt) in enumerate(keys) if src not in src_sides and tgt not in tgt_sides], chosen
