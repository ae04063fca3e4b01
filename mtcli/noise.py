"""Lines as people type them: in small letters, without a full stop, with typos, without accents, with an emoji, two sentences.

And lines with names and numbers that nobody has seen before.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable

from mtcli.tags import tag, target_of, without_tag

Change = Callable[[str, random.Random], str]

EMOJIS = "😀😁😂😃😅😆😉😊😋😍😎😏😐😒😓😔😘😜😞😡😢😭😱😳🙂🙃🙄🙈🙏🤔🤗🤣🥰🥳👀👋👌👍👎👏💔💕💙💪💯🎂🎉🎶🐱🐶🔥🚀☀☕⚽✅✨❌❤"
_STOP = re.compile(r"\s*[.!?…]+\s*$")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_NAME_OR_NUMBER = re.compile(r"(?<!\w)(?:[^\W\d_]{3,}|\d{2,})(?!\w)")
_SYLLABLES = [
    sounds.split(" ")
    for sounds in (
        "b b br c ch d d dr f f fr g g gr h j k k kl kr l l m m n n p pr r r s s sch sh st t t th tr v w y z",
        "a a a a e e e e i i i o o o u u ai au ea ei ie oo ou é ö ü",
        " " * 20 + "ck f g l l ll m n n n nd ng nn r r rd rt s s ss t t tz x",
    )
]
"""Beginnings, middles and ends."""
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_TYPED = str.maketrans("„“”‚‘’«»–—…", '"""\'\'\'""--.')
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def careless(pair: tuple[str, str], draw: random.Random) -> tuple[str, str]:
    """The pair with one or more changes to its source; only an emoji is put on both sides. A tag for the language stays."""
    src, tgt = without_tag(pair[0]).strip(), pair[1]
    language = target_of(pair[0])
    changes = [change for change, share in _CHANGES if draw.random() < share] or [_without_stop]
    for change in changes:
        src = change(src, draw)
    if draw.random() < 0.04:
        emoji = draw.choice(EMOJIS)
        src, tgt = f"{src} {emoji}", f"{tgt} {emoji}"
    return f"{tag(language)} {src}" if language else src, tgt


def renamed(pair: tuple[str, str], draw: random.Random) -> tuple[str, str]:
    """The pair with invented names and numbers in the place of those that stand on both sides, as often on each.

    From them a model learns to copy what it does not know, instead of a name that it knows.
    """
    src, tgt = (Counter(_NAME_OR_NUMBER.findall(side)) for side in pair)
    new = {word: _invented(word, draw) for word in src if src[word] == tgt[word] and (word.isdigit() or word.istitle())}
    if not new:
        return pair
    first, second = (_NAME_OR_NUMBER.sub(lambda found: new.get(found[0], found[0]), side) for side in pair)
    return first, second


def _invented(word: str, draw: random.Random) -> str:
    if word.isdigit():
        return str(draw.randrange(10, 10 ** draw.randint(2, 5)))
    first = _name(draw.choice((1, 2, 2, 2, 3)), draw)
    return f"{first} {_name(2, draw)}" if draw.random() < 0.2 else first


def _name(syllables: int, draw: random.Random) -> str:
    return "".join(draw.choice(sounds) for _ in range(syllables) for sounds in _SYLLABLES).capitalize()


def joined(pair: tuple[str, str], other: tuple[str, str]) -> tuple[str, str]:
    """Both pairs as one line; the first alone where they name different languages."""
    if target_of(pair[0]) != target_of(other[0]):
        return pair
    return f"{pair[0].strip()} {without_tag(other[0]).strip()}", f"{pair[1].strip()} {other[1].strip()}"


def _without_stop(line: str, draw: random.Random) -> str:
    return _STOP.sub("", line) or line


def _small(line: str, draw: random.Random) -> str:
    return line.lower()


def _capitals(line: str, draw: random.Random) -> str:
    return line.upper()


def _plain_letters(line: str, draw: random.Random) -> str:
    """Without accents, printers' quotes, perhaps apostrophes; German umlauts as two letters, or without their dots."""
    typed = line.translate(_TYPED)
    if draw.random() < 0.5:
        typed = typed.translate(_SPELT_OUT)
    if draw.random() < 0.5:
        typed = _APOSTROPHE.sub("", typed)
    return "".join(c for c in unicodedata.normalize("NFD", typed) if not unicodedata.combining(c)).replace("ß", "ss")


def _typos(line: str, draw: random.Random) -> str:
    """A letter that is left out, doubled, wrong, or in the place of its neighbour, in about one of ten words, at least one."""
    words = [found.start() for found in _LONG_WORD.finditer(line)]
    for at in sorted(draw.sample(words, min(len(words), 1 + len(words) // 10)), reverse=True):
        i = at + draw.randrange(1, 4)
        before, first, second, after = line[: i - 1], line[i - 1], line[i], line[i + 1 :]
        changed = draw.choice((second + first, first, first + second + second, first + draw.choice("aeinrst")))
        line = before + changed + after
    return line


_CHANGES: tuple[tuple[Change, float], ...] = (
    (_plain_letters, 0.2),
    (_typos, 0.3),
    (_without_stop, 0.5),
    (_small, 0.4),
    (_capitals, 0.2),
)
"""What is changed, in this order, and how often."""
