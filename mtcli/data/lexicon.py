"""Which words translate which, counted in the corpus itself, and how much a pair of lines looks like a translation by that."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from statistics import median

import numpy as np

from mtcli.words import UNSPACED

Pairs = list[tuple[str, str]]

_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
LEAST = 3
"""Lines that must have a word for it to be known."""
MOST_WORDS = 40
"""Different words of a line that are looked at."""
ASSOCIATED = 0.1
"""Association below which two words have nothing to do with each other."""
KNOWN = 3
"""Words of each side that must be known to tell anything."""
FEWEST = 2000
"""Pairs from which words can be learned."""
ENOUGH = 200
"""Pairs of which enough words must be known to tell how well all of them fit."""
KNOWN_WORDS = 150
"""Words of each side that must be known for that: letters, digits and what a template repeats are fewer, and tell nothing."""
UNRELATED = 0.7
"""Fit below which two sides are no translations of each other: real text has 0.87 and more, shuffled text 0.45 to 0.6."""


@dataclass(frozen=True)
class Lexicon:
    """Associations of source words with target words."""

    src: dict[str, int]
    tgt: dict[str, int]
    table: dict[int, float]
    """Normalised pointwise mutual information (Bouma 2009) of words that go together; the key is source * len(tgt) + target."""
    random: float = 0.0
    """Raw score of lines put together at random."""
    typical: float = 1.0
    """That of pairs of the corpus."""

    def score(self, src: str, tgt: str) -> float | None:
        """About 0 for lines put together at random, 1 for a typical pair of the corpus; None where too few words are known."""
        raw = self._raw(src, tgt)
        return None if raw is None else (raw - self.random) / max(1e-6, self.typical - self.random)

    def _raw(self, src: str, tgt: str) -> float | None:
        """For each word its best partner on the other side; the mean of the side whose mean is lower."""
        rows = [self.src[word] * len(self.tgt) for word in _words(src) if word in self.src]
        columns = [self.tgt[word] for word in _words(tgt) if word in self.tgt]
        if min(len(rows), len(columns)) < KNOWN:
            return None
        found: list[list[float]] = [[self.table.get(row + column, 0.0) for column in columns] for row in rows]
        of_rows: float = sum(map(max, found))
        of_columns: float = sum(map(max, zip(*found, strict=True)))
        return min(of_rows / len(rows), of_columns / len(columns))


def _words(line: str) -> list[str]:
    """The different words of a line, in order."""
    return list(dict.fromkeys(_WORD.findall(line.lower())))[:MOST_WORDS]


def learn_lexicon(pairs: Pairs) -> Lexicon | None:
    """Count in a sample of a corpus, most of which is well aligned; None where it is too small to tell anything."""
    return _scaled(_counted(pairs), pairs, random.Random(1)) if len(pairs) >= FEWEST else None


def fit(pairs: Pairs) -> float | None:
    """How likely a pair looks more like a translation than two lines put together at random, by words learnt from other pairs.

    0.5 where the sides have nothing to do with each other; None where too few words are known to tell.
    """
    if len(pairs) < 2 * ENOUGH:
        return None
    shuffled = random.Random(1).sample(pairs, len(pairs))
    half = len(pairs) // 2
    lexicon, rest = _counted(shuffled[:half]), shuffled[half:]
    real, others = (_known(lexicon, some) for some in (rest, _put_together(rest)))
    if min(len(real), len(others)) < ENOUGH or min(len(lexicon.src), len(lexicon.tgt)) < KNOWN_WORDS:
        return None
    others.sort()
    below = [np.searchsorted(others, real, side) for side in ("left", "right")]  # a tie is half a win
    return float(np.mean(below) / len(others))


def misfit(pairs: Pairs) -> float | None:
    """In what share of all cases lines of other pairs fit as well, if the sides are no translations of each other; else None."""
    found = fit(pairs)
    return 1 - found if found is not None and found < UNRELATED else None


def _counted(pairs: Pairs) -> Lexicon:
    lines = [(_words(src), _words(tgt)) for src, tgt in pairs]
    of_src, of_tgt = (Counter(word for line in side for word in line) for side in zip(*lines, strict=True))
    src, tgt = (_numbered(counts) for counts in (of_src, of_tgt))
    codes = [_codes([src[w] for w in s if w in src], [tgt[w] for w in t if w in tgt], len(tgt)) for s, t in lines]
    together, counts = np.unique(np.concatenate(codes), return_counts=True)
    together, counts = together[counts > 1], counts[counts > 1]
    src_counts, tgt_counts = (np.array([of[word] for word in known]) for of, known in ((of_src, src), (of_tgt, tgt)))
    expected = src_counts[together // len(tgt)] * (tgt_counts[together % len(tgt)] / len(pairs))
    with np.errstate(invalid="ignore"):  # what stands in every line tells nothing
        values = np.log(counts / expected) / -np.log(counts / len(pairs))
    keep = values > ASSOCIATED
    return Lexicon(src, tgt, dict(zip(together[keep].tolist(), values[keep].tolist(), strict=True)))


def _numbered(counts: Counter[str]) -> dict[str, int]:
    return {word: i for i, word in enumerate(word for word, count in counts.items() if count >= LEAST)}


def _codes(src: list[int], tgt: list[int], size: int) -> np.ndarray:
    return (np.array(src, np.int64)[:, None] * size + np.array(tgt, np.int64)[None, :]).ravel()


def _scaled(lexicon: Lexicon, pairs: Pairs, rng: random.Random) -> Lexicon | None:
    some = rng.sample(pairs, min(len(pairs), 10_000))
    known = [_known(lexicon, these) for these in (some, _put_together(some))]
    if min(map(len, known)) < FEWEST // 4:
        return None
    typical, at_random = map(median, known)
    return Lexicon(lexicon.src, lexicon.tgt, lexicon.table, at_random, typical) if typical > at_random else None


def _put_together(pairs: Pairs) -> Pairs:
    """Each source line with the target line of the next pair."""
    return [(src, tgt) for (src, _), (_, tgt) in zip(pairs, [*pairs[1:], *pairs[:1]], strict=True)]


def _known(lexicon: Lexicon, pairs: Pairs) -> list[float]:
    """The raw scores of those pairs of which enough words are known."""
    return [value for src, tgt in pairs if (value := lexicon._raw(src, tgt)) is not None]
