"""What would spoil a training run without a word: pairs that are no translations, and held-out sentences that are trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, repeat
from math import log
from statistics import correlation, median, pstdev

from mtcli.data.lexicon import misfit
from mtcli.data.mapped import CHUNK
from mtcli.data.seen import Seen
from mtcli.errors import DataError

Pairs = Sequence[tuple[str, str]]

FEWEST = 50
"""With fewer pairs than this nothing is said about the order of lines or of languages."""
WINDOW = 64
"""Lines that are held against the other side's together."""
MOST_SHIFT = 5
"""Lines by which one side may be behind the other and still be found."""
SURE = 20.0
"""Nats that must speak for each change of the shift."""
MANY = 300
"""Shifted lines with which training is not begun; a tenth of all lines is enough, too."""
UNRELATED = 0.1
"""Correlation of the lengths of the two sides below which they are no translations. Real text has 0.8 and more."""
SPREAD = 0.25
"""Deviation of the logarithms of lengths below which they tell nothing, as in sorted text. Real text has 0.3 and more."""
LEANING = 6.0
"""Nats that must speak for the language of a side."""
DIRECTIONS = 50_000
"""Pairs from which words are learnt, and of which it is looked at which side is which; of more text it is told about how many."""
WINDOWS = 200
"""Windows whose lines are looked up together."""


@dataclass(frozen=True)
class Inspection:
    """What was found in the training text."""

    notices: list[str]
    """One sentence each, for people to read; none when all is well."""
    leaked: list[int]
    """Indices of the training pairs that are to be left out: a side of theirs stands in a held-out set."""


def inspect(train: Pairs, held_out: dict[str, Pairs], starts: Sequence[tuple[int, str]] = ()) -> Inspection:
    """Look through training pairs and held-out sets ("dev", "test"), all of them normalised.

    `starts` are the indices at which the files begin that the training pairs come from, and their names.

    Raises DataError where what is trained, or what is measured with a held-out set, would be worthless.
    """
    held = {f"{name} set": pairs for name, pairs in held_out.items() if pairs}
    notices: list[str] = []
    for name, text in {"training text": train, **held}.items():
        notices += [*_counted(name, text, repeated=text is train), *_shifted(name, text, starts if text is train else ())]
        _check_related(name, text)
    notices += _swapped(train, held)
    leaked: set[int] = set()
    for name, text in held.items():
        found = _leaked(train, text)
        if len(found) > 0.9 * len(train):
            raise DataError(f"{len(found):,} of {len(train):,} training pairs stand in the {name}: give other text")
        notices += [f"{len(found):,} training pairs share a side with the {name} and are left out"] if found else []
        leaked.update(found)
    return Inspection(notices, sorted(leaked))


def _counted(name: str, pairs: Pairs, repeated: bool) -> list[str]:
    """Pairs with an empty side, with two equal sides, and if that is asked for, those that stand there more than once."""
    seen, known = Seen(), 0
    full = copies = 0
    left = iter(pairs)
    while some := list(islice(left, CHUNK)):
        full += sum(bool(src and tgt) for src, tgt in some)
        copies += sum(src == tgt != "" for src, tgt in some)
        known += sum(seen.add(some)) if repeated else len(some)
    if not full and pairs:
        raise DataError(f"no pair of the {name} has text on both sides: give a source and its translation")
    if copies > full / 2:
        raise DataError(f"{copies:,} of {full:,} pairs of the {name} have two equal sides: give a source and its translation")
    counts = {
        f"pairs of the {name} have an empty side": len(pairs) - full,
        f"pairs of the {name} have two equal sides": copies,
        f"pairs of the {name} stand there more than once": len(pairs) - known,
    }
    return [f"{count:,} {what}" for what, count in counts.items() if count]


class Held:
    """Held-out pairs, for which one asks whether a pair shares a side with them.

    Sides like "Yes." are common property: those of at most two words and 20 bytes count only if both sides are a held-out pair's.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._whole = {pair for pair in pairs if all(pair)}
        sides = zip(*pairs, strict=True) if pairs else ((), ())
        self._src, self._tgt = ({text for text in side if not _short(text)} for side in sides)

    def __bool__(self) -> bool:
        return bool(self._src or self._tgt or self._whole)

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return pair[0] in self._src or pair[1] in self._tgt or pair in self._whole


def _leaked(pairs: Pairs, held: Pairs) -> list[int]:
    """Training pairs that share a side with a held-out pair."""
    known = Held(held)
    return [i for i, pair in enumerate(pairs) if pair in known]


def _short(text: str) -> bool:
    return text.count(" ") < 2 and len(text.encode(errors="surrogatepass")) <= 20


def _sample(pairs: Pairs, size: int) -> list[tuple[str, str]]:
    """At least so many pairs, evenly spread, and fewer than twice as many; all if there are no more."""
    return list(pairs[:: len(pairs) // size + 1])


def _log_lengths(pairs: Pairs) -> tuple[list[float], list[float]]:
    logs = {length: log(length + 1) for length in {len(side) for pair in pairs for side in pair}}
    return [logs[len(src)] for src, _ in pairs], [logs[len(tgt)] for _, tgt in pairs]


def _check_related(name: str, pairs: Pairs) -> None:
    """Long sentences have long translations; where all are about as long, words must have to do with those of the translation."""
    sample = _sample(pairs, 10_000)
    if len(sample) < 500:
        return
    lengths = _log_lengths(sample)
    if min(map(pstdev, lengths)) < SPREAD:
        if (share := misfit(sample)) is not None:
            raise DataError(
                f"the two sides of the {name} are not translations of each other (by their words, lines of others fit as well "
                f"in {share:.0%} of all cases): give files whose lines stand in the same order"
            )
        return
    found = correlation(*lengths)
    if found < UNRELATED:
        raise DataError(
            f"the two sides of the {name} are not translations of each other (lengths correlate by {found:.2f}): "
            "give files whose lines stand in the same order"
        )


@dataclass(frozen=True)
class Shift:
    """Where one side is behind the other."""

    line: int
    """About the first such line, counted from 1."""
    by: int
    """Lines by which target lines stand too early; below 0 they stand too late."""
    lines: int
    """About how many lines that are in all."""

    def __str__(self) -> str:
        late = "late" if self.by < 0 else "early"
        return (
            f"on, target lines stand {abs(self.by)} too {late} for their source lines (about {self.lines:,} lines in all): "
            "a line was lost or put in on one side there"
        )


def _shifted(name: str, pairs: Pairs, starts: Sequence[tuple[int, str]]) -> list[str]:
    """Lines from which on one side is behind the other; told, or refused where they are many."""
    shift = find_shift(pairs)
    if not shift:
        return []
    before, name = max((start for start in starts if start[0] < shift.line), default=(0, f"the {name}"))
    found = f"from about line {shift.line - before:,} of {name} {shift}"
    if shift.lines >= min(MANY, len(pairs) / 10):
        raise DataError(f"{found}; mend the files")
    return [found]


def find_shift(pairs: Pairs) -> Shift | None:
    """The first place from which on one side is behind the other, as after a line that was lost or put in."""
    if len(pairs) < FEWEST:
        return None
    starts = list(range(0, max(1, len(pairs) - WINDOW // 2), WINDOW))
    ends = [*starts[1:], len(pairs)]
    path = _best_path(_in_windows(pairs, starts, ends))
    lines = sum(b - a for a, b, shift in zip(starts, ends, path, strict=True) if shift)
    if not lines:
        return None
    first = next(i for i, shift in enumerate(path) if shift)
    shift = path[first]
    around = range(starts[max(0, first - 1)], ends[first])
    return Shift(1 + (_change(pairs, around, shift) if first else 0), shift, lines)


def _in_windows(pairs: Pairs, starts: list[int], ends: list[int]) -> Iterator[list[float]]:
    """The evidence of each window."""
    for i in range(0, len(starts), WINDOWS):
        windows = list(zip(starts[i : i + WINDOWS], ends[i : i + WINDOWS], strict=True))
        low = max(0, windows[0][0] - MOST_SHIFT)
        some = pairs[low : windows[-1][1] + MOST_SHIFT]
        lengths, marks = _log_lengths(some), _marks(some)
        for start, end in windows:
            yield _evidence(lengths, marks, start - low, end - low)


def _marks(pairs: Pairs) -> list[list[bool]]:
    """Which source lines, and which target lines, ask something."""
    return [[("?" in text or "？" in text or "؟" in text) for text in side] for side in zip(*pairs, strict=True)]


def _evidence(lengths: tuple[list[float], list[float]], marks: list[list[bool]], start: int, end: int) -> list[float]:
    """Nats per shift of what the source tells of the target in these lines: which are long, and which ask.

    The window's own median says what is long, so that text sorted by length tells nothing. Shifts are -MOST_SHIFT ... MOST_SHIFT:
    target line i belongs to source line i + shift.
    """
    scores = [0.0] * (2 * MOST_SHIFT + 1)
    low, high = max(0, start - MOST_SHIFT), end + MOST_SHIFT
    size, mask = end - start, (1 << (end - start)) - 1
    src_long, tgt_long = (median(side[start:end]) for side in lengths)
    for src, tgt in (
        ([x > src_long for x in lengths[0][low:high]], [y > tgt_long for y in lengths[1][start:end]]),
        (marks[0][low:high], marks[1][start:end]),
    ):
        src_bits, tgt_bits = _bits(src) << (low - start + MOST_SHIFT), _bits(tgt)
        for k in range(len(scores)):
            bits = (src_bits >> k) & mask
            scores[k] += _information((bits & tgt_bits).bit_count(), bits.bit_count(), tgt_bits.bit_count(), size)
    return scores


_DIGITS = bytes.maketrans(b"\0\1", b"01")


def _bits(flags: list[bool]) -> int:
    return int(bytes(flags)[::-1].translate(_DIGITS), 2)


@lru_cache(maxsize=1 << 16)
def _information(both: int, first: int, second: int, size: int) -> float:
    """Nats that two properties tell of each other which `first` and `second` of `size` lines have, and `both` of them both."""
    if both * size <= first * second:
        return 0.0  # what one has the other lacks: no sign of a translation
    cells = (
        (both, first, second),
        (first - both, first, size - second),
        (second - both, size - first, second),
        (size - first - second + both, size - first, size - second),
    )
    return sum(n * log(n * size / (row * column)) for n, row, column in cells if n)


def _best_path(evidence: Iterable[list[float]]) -> list[int]:
    """The shift of each window: most evidence in all, less SURE for each change, and none at the beginning."""
    totals = [0.0 if k == MOST_SHIFT else -SURE for k in range(2 * MOST_SHIFT + 1)]
    came_from: list[list[int]] = []
    for scores in evidence:
        best = max(range(len(totals)), key=totals.__getitem__)
        change = totals[best] - SURE
        came_from.append([k if total >= change else best for k, total in enumerate(totals)])
        totals = [max(total, change) + score for total, score in zip(totals, scores, strict=True)]
    path = [max(range(len(totals)), key=totals.__getitem__)]
    for previous in reversed(came_from[1:]):
        path.append(previous[path[-1]])
    return [k - MOST_SHIFT for k in reversed(path)]


def _change(pairs: Pairs, around: range, shift: int) -> int:
    """The line of `around` from which on `shift` fits better than no shift."""
    ratio = median(y - x for x, y in zip(*_log_lengths(_sample(pairs, 10_000)), strict=True))
    low = max(0, around.start - MOST_SHIFT)
    some = pairs[low : around.stop + MOST_SHIFT]
    (src, tgt), marks = _log_lengths(some), _marks(some)

    def misfit(i: int, k: int) -> float:
        if not 0 <= i + k < len(src):
            return 4.0
        return min(4.0, ((tgt[i] - src[i + k] - ratio) / 0.25) ** 2 / 2) + 2 * (marks[0][i + k] != marks[1][i])

    best, gain, total = around.stop, 0.0, 0.0
    for i in reversed(around):
        total += misfit(i - low, 0) - misfit(i - low, shift)
        if total > gain:
            best, gain = i, total
    return best


def _swapped(train: Pairs, held: dict[str, Pairs]) -> list[str]:
    """Pairs whose source is in the target's language and the other way round, by words known from the training text."""
    if len(train) < FEWEST:
        return []
    sample = _sample(train, DIRECTIONS)
    words = _leanings(sample)
    for name, pairs in held.items():
        right, wrong = _directions(pairs, words)
        if wrong >= 5 and wrong > 9 * right:
            raise DataError(f"the {name} seems to have its sides swapped: its source is in the language of the training target")
    _, wrong = _directions(sample, words)
    about = f"{wrong:,}" if len(sample) == len(train) else f"about {wrong * len(train) // len(sample):,}"
    return [f"{about} pairs of the training text seem to have their sides swapped"] if wrong else []


def _directions(pairs: Pairs, words: dict[str, float]) -> tuple[int, int]:
    """How many pairs are surely the right way round, and how many surely the wrong way."""
    none = repeat(0.0)
    right = wrong = 0
    for src, tgt in pairs:
        leaning = sum(map(words.get, src.lower().split(), none))
        if abs(leaning) >= LEANING:
            other = sum(map(words.get, tgt.lower().split(), none))
            right += leaning > 0 and other <= -LEANING
            wrong += leaning < 0 and other >= LEANING
    return right, wrong


def _leanings(pairs: Pairs) -> dict[str, float]:
    """Nats by which a word speaks for the source's language, at most 3 either way; names and numbers speak for none."""
    src, tgt = (Counter(word for text in side for word in text.lower().split()) for side in zip(*pairs, strict=True))
    bias = log((src.total() + 1) / (tgt.total() + 1))
    known = {word for word in src.keys() | tgt.keys() if src[word] + tgt[word] > 2}
    return {word: max(-3.0, min(3.0, log((src[word] + 0.5) / (tgt[word] + 0.5)) - bias)) for word in known}
