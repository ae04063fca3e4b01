"""A parallel corpus at a glance: how much there is, in which languages, and what is odd about it. Memory stays small."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field

from mtcli.corpora import read_held
from mtcli.data.guards import Shift, find_shift
from mtcli.data.reservoir import Reservoir
from mtcli.data.rules import odd_characters, script_of
from mtcli.data.seen import Seen
from mtcli.identify import most_likely
from mtcli.lines import pair_blocks
from mtcli.tokenizer import normalise

SAMPLE = 10_000
"""Pairs whose scripts, languages and pieces are looked at."""
CHUNK, MOST_LETTERS = 200_000, 100_000_000
"""Pairs that are looked through for a shift together, and their letters."""
LENGTHS = ((0, 0), (1, 2), (3, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, 50), (51, 100), (101, math.inf))
"""In words between blanks."""
RATIOS = (0.0, 0.4, 0.6, 0.75, 0.9, 1.1, 1.35, 1.7, 2.5, math.inf)
"""Characters of a target for each of its source."""


@dataclass
class Side:
    """One side of a corpus."""

    words: int = 0
    characters: int = 0
    empty: int = 0
    distinct: int = 0
    """Different lines."""
    odd: int = 0
    """Lines with controls, replacement characters or signs of wrong decoding."""
    invalid: int = 0
    """Lines with bytes that are no UTF-8, or with U+FFFD."""
    lengths: list[int] = field(default_factory=lambda: [0] * len(LENGTHS))
    """Lines of each bucket of LENGTHS."""
    scripts: dict[str, float] = field(default_factory=dict)
    """Share of the letters, in a sample; the most frequent first."""
    languages: dict[str, float] = field(default_factory=dict)
    """Share of the lines, in a sample."""
    pieces_per_word: float | None = None
    """In a sample, with the tokenizer of a package."""


@dataclass
class Survey:
    """What was found."""

    pairs: int = 0
    src: Side = field(default_factory=Side)
    tgt: Side = field(default_factory=Side)
    distinct: int = 0
    """Different pairs."""
    identical: int = 0
    """Pairs with equal sides."""
    ratios: list[int] = field(default_factory=lambda: [0] * (len(RATIOS) - 1))
    """Pairs of each bucket of RATIOS."""
    shifts: list[str] = field(default_factory=list)
    overlap: int | None = None
    """Pairs that share a side with the held-out text, if there is any."""


def survey(src: list[str], tgt: list[str], held: tuple[list[str], list[str]], model: str = "") -> Survey:
    """Look through files once. `held` are files of test text, `model` a package whose tokenizer cuts words.

    Raises DataError when files differ in length or are empty.
    """
    found = Survey()
    tested, overlap, sample = read_held(*held), 0, Reservoir(SAMPLE)
    seen = [Seen() for _ in range(3)]
    shifts = _Shifts()
    for file, _, pairs in pair_blocks(src, tgt):
        found.pairs += len(pairs)
        sample.add(pairs)
        _count(found, pairs)
        sides = [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
        found.src.distinct += sum(seen[0].add(sides[0]))
        found.tgt.distinct += sum(seen[1].add(sides[1]))
        found.distinct += sum(seen[2].add("\n".join(pair) for pair in pairs))
        if tested:
            overlap += sum((normalise(s), normalise(t)) in tested for s, t in pairs)
        shifts.look(file, pairs)
    found.shifts = shifts.end()
    found.overlap = overlap if any(held) else None
    _look_closer(found, sample.chosen, model)
    return found


_BUCKET = array("B", [next(k for k, (_, high) in enumerate(LENGTHS) if n <= high) for n in range(102)])


def _count(found: Survey, pairs: list[tuple[str, str]]) -> None:
    for side, lines in ((found.src, [pair[0] for pair in pairs]), (found.tgt, [pair[1] for pair in pairs])):
        counts = [len(line.split()) for line in lines]
        side.words += sum(counts)
        side.characters += sum(map(len, lines))
        side.empty += counts.count(0)
        side.odd += sum(odd_characters(line) > 0 for line in lines)
        side.invalid += sum("\ufffd" in line for line in lines)
        for bucket, times in Counter(_BUCKET[min(count, 101)] for count in counts).items():
            side.lengths[bucket] += times
    for src, tgt in pairs:
        found.identical += src == tgt != ""
        if src and tgt:
            ratio = len(tgt) / len(src)
            found.ratios[next(k for k, high in enumerate(RATIOS[1:]) if ratio < high)] += 1


class _Shifts:
    """Places from which on one side is behind the other, looked for chunk by chunk."""

    def __init__(self) -> None:
        self._file, self._first, self._letters = "", 1, 0
        self._pairs: list[tuple[str, str]] = []
        self._found: list[str] = []

    def look(self, file: str, pairs: list[tuple[str, str]]) -> None:
        if file != self._file or len(self._pairs) >= CHUNK or self._letters > MOST_LETTERS:
            self._search()
            self._first = 1 if file != self._file else self._first + len(self._pairs)
            self._file, self._pairs, self._letters = file, [], 0
        self._pairs += pairs
        self._letters += sum(len(src) + len(tgt) for src, tgt in pairs)

    def end(self) -> list[str]:
        self._search()
        return self._found

    def _search(self) -> None:
        shift = find_shift(self._pairs)
        if shift:
            line = self._first + shift.line - 1
            self._found.append(f"{self._file}: from about line {line:,} {Shift(line, shift.by, shift.lines)}")


def _look_closer(found: Survey, sample: list[tuple[str, str]], model: str) -> None:
    for side, lines in ((found.src, [pair[0] for pair in sample]), (found.tgt, [pair[1] for pair in sample])):
        scripts = Counter(script for line in lines for script in map(script_of, line) if script)
        side.scripts = _shares(scripts, scripts.total())
        side.languages = _shares(Counter(filter(None, map(most_likely(), lines))), len(lines))
    if model:
        from mtcli.package import open_package

        tokenizer = open_package(model).tokenizer()
        for which, number, side in (("src", 0, found.src), ("tgt", 1, found.tgt)):
            lines = [pair[number] for pair in sample]
            pieces = sum(map(len, tokenizer.encode(lines, which)))  # type: ignore[arg-type]
            side.pieces_per_word = pieces / max(1, sum(len(line.split()) for line in lines))


def _shares(counts: Counter[str], total: int) -> dict[str, float]:
    return {name: count / total for name, count in counts.most_common(5)}
