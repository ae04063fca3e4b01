"""What a pair of lines must be like to be learned from. Each rule looks at one pair, and has a limit that the user may change."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from mtcli.data.lexicon import Lexicon, Pairs, learn_lexicon
from mtcli.degenerate import repeated
from mtcli.words import UNSPACED, words

Margin = Callable[[str], float]
"""How much likelier another language is than the expected one, in nats; 0 where none is."""


@dataclass(frozen=True)
class Learned:
    """What a sample of the corpus says of all of it."""

    ratio: float
    """Letters of a target for each of its source."""
    scripts: tuple[str, str]
    """Such as LATIN, for each side."""
    margins: tuple[Margin, Margin]
    """By language identification; for languages that it does not know it says nothing."""
    lexicon: Lexicon | None


@dataclass(frozen=True)
class Rule:
    """One thing to look at."""

    name: str
    limit: float
    """The default."""
    says: str
    """What a pair must be like; `limit` stands for the limit."""
    broken: Callable[[str, str, float, Learned], str]
    """Why a pair is to be dropped, in a few words; empty where it may stay."""


def learn(sample: Pairs, margins: tuple[Margin, Margin], with_lexicon: bool) -> Learned:
    """Look through a sample."""
    full = [(src, tgt) for src, tgt in sample if src.strip() and tgt.strip()]
    ratio = median(len(tgt) / len(src) for src, tgt in full) if full else 1.0
    scripts = [Counter(script for line in side[:5000] for script in map(script_of, line) if script) for side in _sides(full)]
    first, second = (counts.most_common(1)[0][0] if counts else "" for counts in scripts)
    return Learned(ratio, (first, second), margins, learn_lexicon(full) if with_lexicon else None)


def _sides(pairs: Pairs) -> tuple[list[str], list[str]]:
    return [src for src, _ in pairs], [tgt for _, tgt in pairs]


@lru_cache(maxsize=1 << 16)
def script_of(character: str) -> str:
    """LATIN, CYRILLIC, ...; CJK for all that Chinese and Japanese are written in; empty for what is no letter."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split()[:1]
    script = name[0].partition("-")[0] if name else ""
    return "CJK" if script in ("HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "BOPOMOFO") else script


def odd_characters(line: str) -> int:
    """How many controls, replacement characters and signs of wrong decoding it has."""
    return 0 if line.isascii() and line.isprintable() else len(_ODD.findall(line)) + len(_MOJIBAKE.findall(line))


# Rules

_NUMBER = re.compile(r"\d+(?:[.:,'\u00a0\u202f]\d+)*")
_TWO_DIGITS = re.compile(r"\d.{0,2}\d")
_NO_LETTER = re.compile(r"[\W\d_]+")
_TIME = re.compile(r"\d{1,2}[.:]\d\d")
"""Half past two is 2:30 and 14.30."""
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,200}>|&(?:[A-Za-z]{2,8}|#\d{2,6}|#x[0-9A-Fa-f]{2,6});|\{\{|\]\]")
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_RUN = re.compile(r"([^\s\d])\1{2,}")
_QUESTION = re.compile(r"[?？؟\u037e]")
_ODD = re.compile(r"[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\ue000-\uf8ff\ufffd\ufeff]")
_MOJIBAKE = re.compile(r"[ÃÂ][\u0080-\u00bf]|â€|ï»¿|Ð[\u0080-\u00bf]")


def _empty(src: str, tgt: str, limit: float, learned: Learned) -> str:
    return "" if src.strip() and tgt.strip() else "a side is empty"


def _long(src: str, tgt: str, limit: float, learned: Learned) -> str:
    longest = max(words(src), words(tgt))
    return f"{longest} words" if longest > limit else ""


def _word(src: str, tgt: str, limit: float, learned: Learned) -> str:
    longest = max((word for side in (src, tgt) for word in _LINK.sub("", side).split()), key=len, default="")
    return f"a word of {len(longest)} letters" if len(longest) > limit and not re.search(f"[{UNSPACED}]", longest) else ""


def _ratio(src: str, tgt: str, limit: float, learned: Learned) -> str:
    """Ten letters are added on both sides: short lines differ more."""
    ratio = (len(tgt) + 10) / (len(src) * learned.ratio + 10)
    return f"lengths {len(src)} and {len(tgt)}" if max(ratio, 1 / ratio) > limit else ""


def _repeats(src: str, tgt: str, limit: float, learned: Learned) -> str:
    for side, other in ((src, tgt), (tgt, src)):
        run = max((len(match[0]) for match in _RUN.finditer(side) if match[1] not in "._-=*"), default=0)
        loop = _loop(side, limit)
        if max(run, loop) > limit and (run > loop or loop >= _loop(other, limit)):
            return f"{'a letter' if run > loop else 'words'} repeated {max(run, loop)} times"
    return ""


def _loop(side: str, limit: float) -> int:
    """Words of the longest loop, if it can have more than `limit`: two thirds of them stand there before."""
    words_of = side.lower().split()
    if 3 * (len(words_of) - len(set(words_of))) <= 2 * limit:
        return 0
    ids: dict[str, int] = {}
    return repeated([ids.setdefault(word, len(ids)) for word in words_of])


def _letters(src: str, tgt: str, limit: float, learned: Learned) -> str:
    for side in (src, tgt):
        full = "".join(side.split())
        letters = len(_NO_LETTER.sub("", full))
        if letters < limit * len(full):
            marks = sum(unicodedata.category(c)[0] == "M" for c in full)
            if letters + marks < limit * len(full):
                return f"{(letters + marks) / len(full):.0%} letters"
    return ""


def _odd(src: str, tgt: str, limit: float, learned: Learned) -> str:
    count = odd_characters(src) + odd_characters(tgt)
    return f"{count} broken characters" if count > limit else ""


def _markup(src: str, tgt: str, limit: float, learned: Learned) -> str:
    count = sum(len(_MARKUP.findall(side)) for side in (src, tgt))
    return f"{count} tags or entities" if count > limit else ""


def _script(src: str, tgt: str, limit: float, learned: Learned) -> str:
    for side, script in zip((src, tgt), learned.scripts, strict=True):
        if script == "LATIN" and side.isascii():
            continue
        scripts = [found for found in map(script_of, side) if found]
        share = sum(found == script for found in scripts) / len(scripts) if scripts else 1.0
        if share < limit:
            return f"{share:.0%} of the letters are {script.capitalize()}"
    return ""


def _language(src: str, tgt: str, limit: float, learned: Learned) -> str:
    for name, side, margin in zip(("source", "target"), (src, tgt), learned.margins, strict=True):
        value = margin(_LINK.sub("", side))
        if value > limit:
            return f"the {name} is in another language ({value:.0f} nats)"
    return ""


def _copied(src: str, tgt: str, limit: float, learned: Learned) -> str:
    if src.strip() == tgt.strip() and words(src) > 2:
        return "both sides are equal"
    first, second = (Counter(word for word in side.lower().split() if len(word) > 1) for side in (src, tgt))
    least = min(first.total(), second.total())
    share = (first & second).total() / max(1, least)
    return f"{share:.0%} of the words stand on both sides" if least > 3 and share > limit else ""


def _numbers(src: str, tgt: str, limit: float, learned: Learned) -> str:
    """Numbers of one digit are often written out."""
    first, second = (Counter(_digits(side)) for side in (src, tgt))
    if not (first and second):
        return ""
    share = (first & second).total() / max(first.total(), second.total())
    return f"{share:.0%} of the numbers stand on both sides" if share < limit else ""


def _digits(side: str) -> list[str]:
    if not _TWO_DIGITS.search(side):
        return []
    numbers = [number for number in _NUMBER.findall(side) if not _TIME.fullmatch(number)]
    found = ("".join(str(unicodedata.decimal(c)) for c in number if c.isdecimal()) for number in numbers)
    return [digits for digits in found if len(digits) > 1]


def _questions(src: str, tgt: str, limit: float, learned: Learned) -> str:
    first, second = (len(_QUESTION.findall(side)) for side in (src, tgt))
    return f"{first} and {second} question marks" if abs(first - second) > limit else ""


def _aligned(src: str, tgt: str, limit: float, learned: Learned) -> str:
    score = learned.lexicon.score(src, tgt) if learned.lexicon else None
    return f"the words do not translate each other ({score:.2f})" if score is not None and score < limit else ""


RULES: Sequence[Rule] = (
    Rule("empty", 0, "both sides have text", _empty),
    Rule("long", 200, "at most so many words a side", _long),
    Rule("word", 50, "no word has more letters", _word),
    Rule("odd", 0, "at most so many broken characters", _odd),
    Rule("markup", 0, "at most so many HTML tags and entities", _markup),
    Rule("letters", 0.4, "at least this share of each side is letters", _letters),
    Rule("script", 0.5, "at least this share of letters is in the usual script", _script),
    Rule("ratio", 2.5, "no side is more times as long as usual for the other", _ratio),
    Rule("repeats", 6, "no letter or words in a row stand more often", _repeats),
    Rule("copied", 0.7, "at most this share of words stands on both sides", _copied),
    Rule("numbers", 0.5, "at least this share of long numbers is on both sides", _numbers),
    Rule("questions", 0, "at most so many more question marks on one side", _questions),
    Rule("language", 8, "another language is at most so many nats likelier", _language),
    Rule("alignment", 0.4, "its words translate each other (0 random, 1 as usual)", _aligned),
)
"""In this order: a pair is dropped by the first that it breaks."""


def key(line: str) -> str:
    """The letters of a line, whatever their case, or all of it if it has none: equal for lines that are nearly the same."""
    return _NO_LETTER.sub("", line.lower()) or line.strip()
