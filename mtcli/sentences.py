"""Where sentences end, which are in capitals, and what in them is nothing to translate."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

_STOP = re.compile(r"""(?<![.!?…])([.!?…]++)["'”’»“‘)\]]*+\s++""")
"""With what closes after it, and the blanks. Nothing here goes back over what it has read: lines may be very long."""
_STOP_WITHOUT_BLANK = re.compile(r"(?<=[。！？])(?=[^。！？」』”’）\s])")
_BEGIN = re.compile(r"""["'„“”‘«»¿¡(\[–-]*+\s?+([^\W_])""")
_WORD = re.compile(r"\w")
_LETTER = re.compile(r"[^\W\d_]")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_EMOJI = [
    ("\u231a", "\u23ff"),
    ("\u2600", "\u27bf"),
    ("\u2b05", "\u2b55"),
    ("\U0001f000", "\U0001faff"),
    ("\u200d", "\u200d"),
    ("\ufe0f", "\ufe0f"),
    ("\U000e0020", "\U000e007f"),
]
"""With what joins and changes them: first and last of each block (Unicode Technical Standard 51)."""
_PLAIN_MARKS = str.maketrans(
    {
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’‚‹›´", "'"),
        **dict.fromkeys("–—‑−•", "-"),
        "…": "...",
        "\u00ad": "",  # where a word may be parted
    }
)
"""What is on every keyboard, for what typesetters have instead."""
_SIGNS = ("€", "$", "£", "¥", "°C", "°F", "°")
_SAID = {
    language: dict(zip(_SIGNS, words.split(", "), strict=True))
    for language, words in (
        ("de", "Euro, Dollar, Pfund, Yen, Grad Celsius, Grad Fahrenheit, Grad"),
        ("en", "euros, dollars, pounds, yen, degrees Celsius, degrees Fahrenheit, degrees"),
        ("es", "euros, dólares, libras, yenes, grados Celsius, grados Fahrenheit, grados"),
        ("fr", "euros, dollars, livres, yens, degrés Celsius, degrés Fahrenheit, degrés"),
    )
}
"""How signs after a number are read aloud."""
_MANY = "thousand|(?:[mb]|tr)illions?|millionen|milliarden?|milliards?|mill(?:ón|ones)|billones|mil(?:le)?"
_AMOUNT = re.compile(rf"(?<!\w)([€$£¥])\s?(\d++(?:[.,]\d++)*+(?:\s(?i:{_MANY}))?)(?!\w)|(\d)\s?([€$£¥]|°(?:\s?[CF])?)(?!\w)")
_BULLET = re.compile(r"\s*+(?:[-*•–—]|\d{1,3}+\.|\(?(?:\d{1,3}+|[A-Za-z])\))(?=\s++[^\s\d])")
_TOKEN = re.compile(r"\S+")
_ADDRESSES = ("://", "www.", "@", "#")
"""One of them is in each address."""
LONGEST_ABBREVIATION = 16

_WORDS = re.compile(r"\S+").findall
_ABBREVIATIONS = frozenset(
    _WORDS(
        """
        mr mrs ms dr prof st jr sr rev hon gen col capt lt sgt gov sen rep pres vs etc al inc ltd co corp dept
        approx e.g i.e a.m p.m u.s u.k ph.d cf
        bzw ca evtl ggf hr fr frl usw vgl sog inkl exkl geb gest hrsg jh mio mrd tel str dipl ing
        z.b d.h u.a o.ä z.t i.d.r u.u v.a s.o
        m mm mme mlle mgr p.ex c.-à-d env av réf
        sra srta srs ud uds vd vds d dña avda ej p.ej aprox
        """,
    )
)
"""Of English, German, French and Spanish, without their last stop."""
_BEFORE_NUMBERS = frozenset(_WORDS("no nos art max min abs fig vol chap jan feb mar apr jun jul aug sep sept oct nov dec"))
"""Words and names, too, which end a sentence where no number follows."""
_BEFORE_SIGNS = frozenset(_WORDS("nr bd pp pág págs núm Abs Art Fig Vol Chap"))
"""What a letter may follow, too; those with a capital only so."""
_NUMBER, _SIGN = re.compile(r"\d|[IVXLC]{2,}\b"), re.compile(r"\d|(?:[IVXLC]+|[A-Z]\d*)\b(?!['’])")


def split_sentences(text: str) -> list[str]:
    """The sentences of a line, in order, without the blanks between them; a line of one sentence, or of none, as it is.

    A stop ends a sentence unless it ends an abbreviation, an initial or a short number ("am 3. Mai"), or a small letter follows.
    """
    cuts = [found.end() for found in _STOP.finditer(text) if _ends_sentence(text, found)]
    cuts += [found.end() for found in _STOP_WITHOUT_BLANK.finditer(text)]
    if not cuts:
        return [text]
    edges = [0]
    for before, cut in itertools.pairwise([0, *sorted(cuts)]):
        if _WORD.search(text, before, cut):  # what has no word goes with the next
            edges.append(cut)
    parts = (text[a:b].strip() for a, b in itertools.pairwise([*edges, len(text)]))
    return [part for part in parts if part] or [text]


def without_emoji(text: str) -> tuple[str, str]:
    """The text up to the emoji at its end, and those."""
    end = len(text)
    while end and (text[end - 1].isspace() or (text[end - 1] > "~" and any(a <= text[end - 1] <= b for a, b in _EMOJI))):
        end -= 1
    return text[:end], " ".join(text[end:].split())


def kept_apart(text: str, begin: int, unknown: Callable[[str], bool]) -> list[tuple[str, bool]]:
    """The text from `begin` on, in order: what is to be translated, and (True) what stays as it is.

    That is a bullet or number before the first word, emoji after the last, addresses and names with # or @ before them that are
    `unknown`, and what has no letter beside them.
    """
    words = len(without_emoji(text)[0])
    bullet = _BULLET.match(text, begin, words)
    spans = [bullet.span()] if bullet else []
    if any(sign in text for sign in _ADDRESSES):
        tokens = _TOKEN.finditer(text, bullet.end() if bullet else begin, words)
        spans += [token.span() for token in tokens if _is_address(token[0]) and unknown(token[0])]
    edges = [begin, *itertools.chain.from_iterable(spans), max(begin, words), len(text)]
    parts = [(text[a:b].strip(), bool(i % 2)) for i, (a, b) in enumerate(itertools.pairwise(edges))]
    return [(part, kept or not _LETTER.search(part)) for part, kept in parts if part]


def _is_address(word: str) -> bool:
    name, at, place = word.partition("@")
    return "://" in word or "www." in word or bool(at and name and "." in place) or (word[0] in "#@" and word[1:2].isalpha())


def in_capitals(sentence: str) -> bool:
    """Whether it has no small letter, and two words at the least: one alone may be an abbreviation."""
    return sentence.isupper() and len(_LETTERS.findall(sentence)) > 1


def in_small_letters(sentence: str) -> str:
    """The sentence with one capital, its first letter."""
    return _LETTER.sub(lambda first: first[0].upper(), sentence.lower(), count=1)


def with_plain_marks(sentence: str, language: str = "") -> str:
    """The sentence with quotation marks, apostrophes, dashes and dots as they are on every keyboard, and words for units."""
    if sentence.isascii() and "$" not in sentence:
        return sentence
    return "".join(said for _, said in _said(sentence, language)).translate(_PLAIN_MARKS)


def origins(sentence: str, language: str = "") -> list[int]:
    """For each word of the sentence with plain marks the word of the sentence that it comes of, counted from 0."""
    found: list[int] = []
    starts, blank = [word.start() for word in _TOKEN.finditer(sentence)], True
    for place, said in _said(sentence, language):
        as_it_stands = sentence.startswith(said, place)
        for at, letter in enumerate(said):
            if plain := letter.translate(_PLAIN_MARKS):
                if blank and not plain.isspace():
                    found.append(bisect_right(starts, place + at * as_it_stands) - 1)
                blank = plain.isspace()
    return found


def _said(sentence: str, language: str) -> Iterator[tuple[int, str]]:
    """The sentence with words for units, in pieces, each with the place in the sentence of what it stands for."""
    words, at = _SAID.get(language.partition("-")[0], {}), 0
    for amount in _AMOUNT.finditer(sentence) if words else ():
        number, sign = (2, 1) if amount[1] else (3, 4)
        yield at, sentence[at : amount.start()]
        yield amount.start(number), amount[number]
        yield amount.start(sign), f" {words[''.join(amount[sign].split())]}"
        at = amount.end()
    yield at, sentence[at:]


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    begin = _BEGIN.match(text, stop.end())
    if not begin or begin[1].islower():
        return False
    if stop[1] != ".":
        return True
    before = text[max(0, stop.start() - LONGEST_ABBREVIATION) : stop.start()]
    word = before.rpartition(" ")[2].lstrip("\"'„“”‘«»¿¡([")
    last, number = word.lower(), begin.start(1)
    initial = len(last) == 1 and last.isalpha()
    short_number = last.isdigit() and len(last) <= 2
    numbered = bool(last in _BEFORE_NUMBERS and _NUMBER.match(text, number))
    signed = bool(_BEFORE_SIGNS & {last, word} and _SIGN.match(text, number))
    abbreviates = last in _ABBREVIATIONS or numbered or signed
    return bool(last) and not (initial or short_number or abbreviates)
