"""What lies behind a score: where translations are good and bad, what they lose, and where two systems differ.

In the spirit of compare-mt (Neubig et al. 2019), with sacreBLEU's metrics and words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from mtcli.degenerate import repeated
from mtcli.scoring import System, chrf_of_sentences
from mtcli.words import BUCKETS, bucket_name, words

FREQUENCIES = ((0, 0), (1, 1), (2, 4), (5, 9), (10, 99), (100, 999), (1000, math.inf))
"""How often training text has a word."""
LONGEST_NGRAM = 4
MOST_NGRAMS = 10
MOST_LINES = 5
"""Examples of a problem."""
MOST_SENTENCES = 10
"""Sentences of each kind."""


@dataclass(frozen=True)
class TestSet:
    """What systems were to translate, and how they did."""

    __test__ = False  # for pytest

    systems: list[System]
    refs: list[list[str]]
    """One or several references; words are compared with those of the first."""
    src: list[str] = field(default_factory=list)
    """Empty where it is not known."""
    bleu: BLEU = field(default_factory=lambda: BLEU(force=True))
    """Its tokenizer tells what a word is."""


@dataclass(frozen=True)
class Row:
    """Some sentences or words of the test set."""

    label: str
    count: int
    values: list[list[float]]
    """For each system one value a measure."""


@dataclass(frozen=True)
class Table:
    """The test set, cut up in one way."""

    title: str
    counted: str
    """What `count` counts; empty where there is nothing to count."""
    measures: list[str]
    rows: list[Row]


@dataclass(frozen=True)
class NGram:
    """Some words in a row."""

    text: str
    in_refs: int
    counts: list[int]
    """For each system, how often it has them where the reference does, or how often it has them too many."""


@dataclass(frozen=True)
class NGrams:
    """Those that tell most."""

    title: str
    counted: str
    """What `counts` count."""
    ngrams: list[NGram]


@dataclass(frozen=True)
class Problem:
    """Something that no good translation has."""

    name: str
    lines: list[list[int]]
    """For each system, which lines, counted from 1."""


@dataclass(frozen=True)
class Sentence:
    """One line of the test set."""

    line: int
    """Counted from 1."""
    src: str
    ref: str
    hyps: list[str]
    scores: list[float]
    """chrF of the sentence, for each system."""


@dataclass(frozen=True)
class Sentences:
    """Some that are worth reading."""

    title: str
    sentences: list[Sentence]


@dataclass(frozen=True)
class Analysis:
    """All of it."""

    systems: list[str]
    tables: list[Table]
    ngrams: list[NGrams]
    problems: list[Problem]
    sentences: list[Sentences]


def analyse(test: TestSet, train: Iterable[str] = ()) -> Analysis:
    """Look through one or several systems. `train` is text that word frequencies are counted in; references where it is empty."""
    chrf = [chrf_of_sentences(hyps, test.refs) for _, hyps in test.systems]
    tokenized = _Tokenized(test)
    return Analysis(
        [name for name, _ in test.systems],
        [by_length(test), _by_frequency(tokenized, train), _by_score(chrf)],
        _telling_ngrams(tokenized),
        _problems(test),
        _worth_reading(test, chrf),
    )


# Tables


def by_length(test: TestSet) -> Table:
    """BLEU, chrF and the ratio of lengths to the reference, of the lines whose source, or reference, has so many words."""
    side, chrf = test.src or test.refs[0], CHRF()
    lengths = [max(1, words(line)) for line in side]
    rows = []
    for low, high in BUCKETS:
        chosen = [i for i, length in enumerate(lengths) if low <= length <= high]
        if chosen:
            refs = [[ref[i] for i in chosen] for ref in test.refs]
            of_refs = sum(words(line) for line in refs[0]) or 1
            values = []
            for _, hyps in test.systems:
                some = [hyps[i] for i in chosen]
                scores = [metric.corpus_score(some, refs).score for metric in (test.bleu, chrf)]
                values.append([*scores, sum(map(words, some)) / of_refs])
            rows.append(Row(bucket_name(low, high), len(chosen), values))
    title = f"By length of the {'source' if test.src else 'reference'}, in words; ratio of lengths to the reference"
    return Table(title, "lines", ["BLEU", "chrF2", "ratio"], rows)


class _Tokenized:
    """The words of a test set, as BLEU sees them."""

    def __init__(self, test: TestSet) -> None:
        self.bleu = test.bleu
        self.ref = [self.split(line) for line in test.refs[0]]
        self.systems = [[self.split(line) for line in hyps] for _, hyps in test.systems]

    def split(self, line: str) -> list[str]:
        """The words of one line."""
        return self.bleu._preprocess_segment(line).split()


def _by_frequency(tokenized: _Tokenized, train: Iterable[str]) -> Table:
    """F1 of the words of references, as compare-mt has it: a word is found when the same line has it, as often as it has it."""
    counts = Counter(word for line in train for word in tokenized.split(line))
    known = counts or Counter(word for line in tokenized.ref for word in line)

    def bucket(word: str) -> int:
        return next(i for i, (_, high) in enumerate(FREQUENCIES) if known[word] <= high)

    of_refs = Counter(bucket(word) for line in tokenized.ref for word in line)
    values = []
    for lines in tokenized.systems:
        of_hyps = Counter(bucket(word) for line in lines for word in line)
        found: Counter[int] = Counter()
        for ref, hyp in zip(tokenized.ref, lines, strict=True):
            for word, times in (Counter(ref) & Counter(hyp)).items():
                found[bucket(word)] += times
        values.append([200 * found[i] / max(1, of_refs[i] + of_hyps[i]) for i in range(len(FREQUENCIES))])
    rows = [
        Row(f"{low:,}" if low == high else bucket_name(low, high), of_refs[i], [[each[i]] for each in values])
        for i, (low, high) in enumerate(FREQUENCIES)
        if of_refs[i]
    ]
    where = "training text" if counts else "the references"
    return Table(f"By frequency of words in {where}", "words", ["F1"], rows)


def _by_score(chrf: list[list[float]]) -> Table:
    count = len(chrf[0])
    rows = []
    for low in range(0, 100, 20):
        inside = [sum(low <= score < low + 20 or (low == 80 and score >= 100) for score in each) for each in chrf]
        rows.append(Row(f"{low} to {low + 20}", 0, [[100 * n / count] for n in inside]))
    return Table("By chrF of the sentence", "", ["% of lines"], rows)


# N-grams

Grams = Counter[tuple[str, ...]]
Weights = Mapping[tuple[str, ...], float]


def _grams(line: list[str]) -> Grams:
    return Counter(tuple(line[i : i + n]) for n in range(1, LONGEST_NGRAM + 1) for i in range(len(line) - n + 1))


def _telling_ngrams(tokenized: _Tokenized) -> list[NGrams]:
    refs = [_grams(line) for line in tokenized.ref]
    in_refs: Grams = sum_of(refs)
    hyps = [[_grams(line) for line in lines] for lines in tokenized.systems]
    found = [sum_of(ref & hyp for ref, hyp in zip(refs, of_lines, strict=True)) for of_lines in hyps]
    if len(hyps) == 1:
        in_hyps = sum_of(hyps[0])
        wrong = in_hyps - found[0]
        missed, extra = _beyond(in_refs - found[0], in_refs), _beyond(wrong, in_hyps)
        return [
            NGrams("Missed more often than others", "found", _listed(missed, found, in_refs)),
            NGrams("Wrong more often than others", "wrong", _listed(extra, [wrong], in_refs)),
        ]
    lists = []
    for i in range(1, len(hyps)):
        lists.append(NGrams(f"Right in A, not in {letter(i)}", "right", _listed(found[0] - found[i], found, in_refs)))
        lists.append(NGrams(f"Right in {letter(i)}, not in A", "right", _listed(found[i] - found[0], found, in_refs)))
    return [each for each in lists if each.ngrams]


def _beyond(part: Grams, whole: Grams) -> Weights:
    """How many of `part` there are beyond what n-grams of the same length have on average."""
    sizes, parts = ([0] * (LONGEST_NGRAM + 1) for _ in range(2))
    for gram, count in whole.items():
        sizes[len(gram)] += count
        parts[len(gram)] += part[gram]
    return {gram: count - whole[gram] * parts[len(gram)] / sizes[len(gram)] for gram, count in part.items()}


def letter(system: int) -> str:
    """What a system is called where there are several: A is the first."""
    return chr(ord("A") + system)


def sum_of(counters: Iterable[Grams]) -> Grams:
    """The sum of all; faster than `sum`, which copies."""
    total: Grams = Counter()
    for each in counters:
        total.update(each)
    return total


def _listed(weights: Weights, counts: list[Grams], in_refs: Grams) -> list[NGram]:
    """Those of the largest weight, the longer first, without what only is part of another in the list."""
    chosen: list[tuple[str, ...]] = []
    for gram in sorted(weights, key=lambda gram: (-weights[gram], -len(gram), gram)):
        if len(chosen) == MOST_NGRAMS:
            break
        part = any(_within(gram, other) and 2 * weights[other] > weights[gram] for other in chosen)
        if not part and any(character.isalnum() for word in gram for character in word):
            chosen.append(gram)
    return [NGram(" ".join(gram), in_refs[gram], [each[gram] for each in counts]) for gram in chosen]


def _within(gram: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return any(other[i : i + len(gram)] == gram for i in range(len(other) - len(gram) + 1))


# Problems

_NUMBER = re.compile(r"\d+(?:[.,'\u00a0\u202f]\d+| \d{3}(?!\d))*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def _problems(test: TestSet) -> list[Problem]:
    """Lines with each of the known faults, as far as they can be told without the source."""
    lower = {word for line in test.refs[0] for word in _WORD.findall(line) if word.islower()}
    checks: dict[str, Callable[[str, str, str], bool]] = {
        "empty": lambda src, ref, hyp: bool(ref.strip()) and not hyp.strip(),
        "less than half as long as the reference": lambda src, ref, hyp: words(ref) > 3 and 0 < 2 * words(hyp) < words(ref),
        "more than twice as long as the reference": lambda src, ref, hyp: words(ref) > 1 and words(hyp) > 2 * words(ref),
        "words repeated": _repeats,
        "numbers lost": lambda src, ref, hyp: bool(_numbers(ref) - _numbers(hyp)),
        "numbers made up": lambda src, ref, hyp: bool(_numbers(hyp) - _numbers(ref) - _numbers(src)),
    }
    if test.src:
        checks["source left untranslated"] = _copies
        checks["names lost"] = lambda src, ref, hyp: bool(_names(src, ref, lower) - set(_WORD.findall(hyp)))
    src = test.src or [""] * len(test.refs[0])
    lines = [list(enumerate(zip(src, test.refs[0], hyps, strict=True), 1)) for _, hyps in test.systems]
    return [
        Problem(name, [[number for number, line in of_system if check(*line)] for of_system in lines])
        for name, check in checks.items()
    ]


def _numbers(line: str) -> Counter[str]:
    """Each with its digits only: separators differ between languages."""
    return Counter(re.sub(r"\D", "", number) for number in _NUMBER.findall(line))


def _repeats(src: str, ref: str, hyp: str) -> bool:
    """Whether the translation has some words three times in a row, and more than source and reference do."""
    in_src, in_ref, in_hyp = (repeated(line.lower().split()) for line in (src, ref, hyp))
    return in_hyp > max(in_src, in_ref)


def _copies(src: str, ref: str, hyp: str) -> bool:
    """Whether most words are those of the source where the reference has others."""
    of_src, of_ref = (set(_WORD.findall(line.lower())) for line in (src, ref))
    of_hyp = _WORD.findall(hyp.lower())
    return sum(word in of_src and word not in of_ref for word in of_hyp) > len(of_hyp) / 2


def _names(src: str, ref: str, lower: set[str]) -> set[str]:
    """Words that source and reference write alike, with a capital, and that no reference has without."""
    shared = set(_WORD.findall(src)) & set(_WORD.findall(ref))
    return {word for word in shared if word[0].isupper() and len(word) > 1 and word.lower() not in lower}


# Sentences


def _worth_reading(test: TestSet, chrf: list[list[float]]) -> list[Sentences]:
    """The best and the worst of one system; where systems differ most from the first."""

    def some(title: str, order: list[int]) -> Sentences:
        return Sentences(title, [sentence(i) for i in order[:MOST_SENTENCES]])

    def sentence(i: int) -> Sentence:
        hyps = [lines[i] for _, lines in test.systems]
        return Sentence(i + 1, test.src[i] if test.src else "", test.refs[0][i], hyps, [each[i] for each in chrf])

    numbers = range(len(chrf[0]))
    if len(chrf) == 1:
        worst = sorted((i for i in numbers if chrf[0][i] < 99.9), key=lambda i: (chrf[0][i], -len(test.refs[0][i])))[
            :MOST_SENTENCES
        ]
        best = sorted(numbers, key=lambda i: (-chrf[0][i], -len(test.refs[0][i])))
        lists = [some("The worst, by chrF of the sentence", worst), some("The best", [i for i in best if i not in worst])]
        return [each for each in lists if each.sentences]
    lists = []
    for other, scores in enumerate(chrf[1:], 1):
        gains = sorted((i for i in numbers if scores[i] != chrf[0][i]), key=lambda i: chrf[0][i] - scores[i])
        lists.append(some(f"{letter(other)} is better than A", [i for i in gains if scores[i] > chrf[0][i]]))
        lists.append(some(f"A is better than {letter(other)}", [i for i in gains[::-1] if scores[i] < chrf[0][i]]))
    return [each for each in lists if each.sentences]
