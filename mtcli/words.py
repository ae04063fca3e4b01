"""Words of any script, counted and marked for people to look at."""

from __future__ import annotations

import math
import re

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts that are written without blanks: their letters count one by one."""
_WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
_PIECE = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+(?:['’][^\W{UNSPACED}]+)*|[^\w\s]")
"""Words, and each sign of punctuation by itself."""

MOST_LETTERS = 400
"""Of a sentence that is shown; the rest is cut off."""
BUCKETS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, math.inf))
"""Lengths of sentences, in words; an empty line counts as one word."""


def shortened(text: str) -> str:
    """The beginning of a sentence that is to be shown."""
    return text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "…"


def words(text: str) -> int:
    """How many words blanks separate."""
    return sum(1 for _ in _WORD.finditer(text))


def bucket_name(low: float, high: float) -> str:
    """The label of one bucket."""
    return f"{low:,}–{high:,}" if high < math.inf else f"{low:,} and more"


def differences(text: str, other: str) -> list[tuple[str, bool]]:
    """The text in parts, each with whether its words are missing from the other, in this order (difflib's matching blocks)."""
    from difflib import SequenceMatcher

    spans = [match.span() for match in _PIECE.finditer(text)]
    pieces = [text[a:b] for a, b in spans]
    shared = [False] * len(spans)
    matcher = SequenceMatcher(None, pieces, [match[0] for match in _PIECE.finditer(other)], autojunk=False)
    for block in matcher.get_matching_blocks():
        shared[block.a : block.a + block.size] = [True] * block.size
    parts: list[tuple[str, bool]] = []
    place = 0
    for (begin, end), same in zip(spans, shared, strict=True):
        if parts and parts[-1][1] != same:  # goes on as before, with the blanks between
            parts[-1] = (parts[-1][0] + text[place:end], not same)
        else:
            parts += [(text[place:begin], False)] if begin > place else []
            parts.append((text[begin:end], not same))
        place = end
    return [*parts, (text[place:], False)] if place < len(text) else parts
