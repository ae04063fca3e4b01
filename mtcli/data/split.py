"""Pairs held out of a corpus for validation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from mtcli.data.mapped import Array, take

Pairs = list[tuple[str, str]]


def split(pairs: Sequence[tuple[str, str]], rows: Array, size: int, seed: int) -> tuple[Array, Array]:
    """Those of `rows` to train on, and `size` drawn at random to validate with; no dev side is empty or stands in the rest."""

    def holds(condition: Callable[[str, str], bool]) -> Array:
        found: Array = np.fromiter((condition(src, tgt) for src, tgt in pairs), bool, len(pairs))
        return np.asarray(rows[found[rows]])

    full = holds(lambda src, tgt: bool(src and tgt))
    chosen = np.sort(full[random.Random(seed).sample(range(len(full)), min(size, len(full)))])
    src_sides, tgt_sides = map(set, zip(*take(pairs, chosen.tolist()), strict=True)) if len(chosen) else (set[str](), set[str]())
    return holds(lambda src, tgt: src not in src_sides and tgt not in tgt_sides), chosen


def draw(pairs: Pairs, size: int, seed: int, normalise: Callable[[str], str]) -> tuple[list[int], list[int]]:
    """Indices of training pairs, and of `size` pairs to hold out, from the shortest to the longest, as long as those of all are.

    Held out are pairs whose sides stand nowhere else; if these are too few, others, too, and what shares a side with one of them
    is in neither list. Sides that `normalise` makes equal are the same.
    """
    keys = [(normalise(src), normalise(tgt)) for src, tgt in pairs]
    rng = random.Random(seed)
    full = [i for i, (src, tgt) in enumerate(keys) if src and tgt]
    of_length: dict[int, list[int]] = {}
    for i in _apart(keys, full, size, rng):
        of_length.setdefault(len(keys[i][0]), []).append(i)
    lengths = sorted(len(keys[i][0]) for i in full)
    bounds = [len(lengths) * k // max(1, size) for k in range(size + 1)]
    chosen: list[int] = []
    for wanted in (lengths[rng.randrange(a, b)] for a, b in pairwise(bounds) if a < b):
        if of_length:
            nearest = min(of_length, key=lambda length: (abs(length - wanted), length))
            group = of_length[nearest]
            chosen.append(group.pop(rng.randrange(len(group))))
            if not group:
                del of_length[nearest]
    chosen.sort(key=lambda i: (len(keys[i][0]), i))
    src_sides, tgt_sides = {keys[i][0] for i in chosen}, {keys[i][1] for i in chosen}
    return [i for i, (src, tgt) in enumerate(keys) if src not in src_sides and tgt not in tgt_sides], chosen


def _apart(keys: Pairs, full: list[int], size: int, rng: random.Random) -> list[int]:
    """Pairs of which no two share a side, those first and alone, if they are enough, whose sides stand nowhere else."""
    src_counts, tgt_counts = Counter(src for src, _ in keys), Counter(tgt for _, tgt in keys)
    alone = [i for i in full if src_counts[keys[i][0]] == tgt_counts[keys[i][1]] == 1]
    if len(alone) >= size:
        return alone
    found, seen = [], (set[str](), set[str]())
    for i in rng.sample(full, len(full)):
        src, tgt = keys[i]
        if src not in seen[0] and tgt not in seen[1]:
            found.append(i)
            seen[0].add(src)
            seen[1].add(tgt)
    return found
