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

SURE = 0.8
"""Alignment from which on two lines are taken for a translation whatever else is odd about them."""
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

_NO_LETTER = re.compile(r"[\W\d_]+")
_DIGIT = re.compile(r"\d")
_TIME = re.compile(r"\b\d{1,2}[.:]\d\d\b(?![.:]?\d)")
"""Half past two is 2:30 and 14.30."""
_MYRIAD = re.compile(r"\d\s?[万億亿萬]")
_HTML = (
    "a|b|i|u|p|br|hr|div|span|font|table|tr|td|th|ul|ol|li|h[1-6]|img|em|strong|script|style|html|body|head|meta|link|form|center"
)
_MARKUP = re.compile(rf"</?(?:{_HTML})\b[^<>]{{0,200}}>|&(?:[a-z]{{2,8}}|#\d{{2,6}}|#x[0-9a-f]{{2,6}});", re.IGNORECASE)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_RUN = re.compile(r"([^\s\d])\1{2,}")
_QUESTION = re.compile(r"(?<!<)[?？؟\u037e]|か。")
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
    """Signs for drawing lines count for nothing, nor does what the other side repeats as well."""
    for side, other in ((src, tgt), (tgt, src)):
        run, loop = _run(side), _loop(side, limit)
        if run > limit and run > _run(other):
            return f"a letter {run} times in a row"
        if loop > limit and loop > _loop(other, limit):
            return f"{loop} words in a loop"
    return ""


def _run(side: str) -> int:
    return max((len(match[0]) for match in _RUN.finditer(side) if match[1] not in "._-=*"), default=0)


def _loop(side: str, limit: float) -> int:
    """Words of the longest loop, if it can have more than `limit`: two thirds of them stand there before."""
    words_of = side.lower().split()
    if 3 * (len(words_of) - len(set(words_of))) <= 2 * limit:
        return 0
    return repeated(words_of)


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


def _doubtful(src: str, tgt: str, learned: Learned) -> bool:
    """Whether the words do not speak for a translation: what else is odd then counts."""
    score = learned.lexicon.score(src, tgt) if learned.lexicon else None
    return score is None or score < SURE


def _language(src: str, tgt: str, limit: float, learned: Learned) -> str:
    """One side alone may look foreign for its names; not so if its words are sure to be translated."""
    values = [margin(_LINK.sub("", _CODE.sub("", side))) for side, margin in zip((src, tgt), learned.margins, strict=True)]
    if min(values) > limit:
        return f"both sides are in other languages ({values[0]:.0f} and {values[1]:.0f} nats)"
    if max(values) > 3 * limit or (max(values) > limit and _doubtful(src, tgt, learned)):
        return f"the {'source' if values[0] > limit else 'target'} is in another language ({max(values):.0f} nats)"
    return ""


def _copied(src: str, tgt: str, limit: float, learned: Learned) -> str:
    if src.strip() == tgt.strip() and words(src) > 2:
        return "both sides are equal"
    sides = (_CODE.sub("", side).lower().split() for side in (src, tgt))
    first, second = (Counter(word for word in side if len(word) > 1 and not word.isdigit()) for side in sides)
    least = min(first.total(), second.total())
    share = (first & second).total() / max(1, least)
    return f"{share:.0%} of the words stand on both sides" if least > 3 and share > limit else ""


def _numbers(src: str, tgt: str, limit: float, learned: Learned) -> str:
    """By single digits: separators and the order of dates differ. What has one digit is often written out."""
    first, second = (_digits(side) for side in (src, tgt))
    if min(first.total(), second.total()) < 2:
        return ""
    share = (first & second).total() / max(first.total(), second.total())
    return f"{share:.0%} of the digits stand on both sides" if share < limit and _doubtful(src, tgt, learned) else ""


def _digits(side: str) -> Counter[str]:
    found = () if _MYRIAD.search(side) else _DIGIT.findall(_TIME.sub("", side))
    return Counter(str(unicodedata.decimal(c)) for c in found)


def _questions(src: str, tgt: str, limit: float, learned: Learned) -> str:
    first, second = (len(_QUESTION.findall(side)) for side in (src, tgt))
    odd = abs(first - second) > limit and "GREEK" not in learned.scripts  # whose question mark is a semicolon
    return f"{first} and {second} question marks" if odd and _doubtful(src, tgt, learned) else ""


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
    Rule("numbers", 0.5, "at least this share of digits stands on both sides", _numbers),
    Rule("questions", 0, "at most so many more question marks on one side", _questions),
    Rule("language", 10, "another language is at most so many nats likelier", _language),
    Rule("alignment", 0.4, "its words translate each other (0 random, 1 as usual)", _aligned),
)
"""In this order: a pair is dropped by the first that it breaks."""


def key(line: str) -> str:
    """A line without case, punctuation and blanks, or all of it if nothing is left: equal for lines that are nearly the same."""
    return line.lower().translate(_KEPT) or line.strip()


class _Kept(dict[int, int | None]):
    """For str.translate: letters, marks and numbers stay."""

    def __missing__(self, code: int) -> int | None:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else None
        return self[code]


_KEPT = _Kept()
