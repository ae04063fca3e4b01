"""Pairs held out of a corpus for validation."""

from __future__ import annotations

import random

Pairs = list[tuple[str, str]]


def split(pairs: Pairs, size: int, seed: int) -> tuple[Pairs, Pairs]:
    """Training pairs and `size` dev pairs drawn at random, without empty sides; no dev side stands in the training pairs."""
    full = [i for i, (src, tgt) in enumerate(pairs) if src.strip() and tgt.strip()]
    chosen = set(random.Random(seed).sample(full, min(size, len(full))))
    dev = [pairs[i] for i in sorted(chosen)]
    src_sides, tgt_sides = {src for src, _ in dev}, {tgt for _, tgt in dev}
    train = [p for i, p in enumerate(pairs) if i not in chosen and p[0] not in src_sides and p[1] not in tgt_sides]
    return train, dev
