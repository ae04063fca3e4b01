"""Which language a text is in, by py3langid (Lui & Baldwin 2012)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import cache
from typing import Any

from mtcli.config import Languages
from mtcli.errors import PackageError

log = logging.getLogger("mtcli")

SAMPLE = 10_000
"""Characters that tell the language of a text."""
BEYOND_DOUBT = 25.0
"""Nats: for none of 7,000 single lines of German, English, French and Spanish was another language likelier by more than 21."""


def margins(language: str) -> Callable[[str], float]:
    """A function that says by how many nats another language is likelier for a line than this one; always 0 if it is unknown."""
    identifier = _identifier()
    if language not in identifier.labels:
        if language:
            log.warning("py3langid does not know the language %s: lines in other languages are not found there", language)
        return lambda line: 0.0

    def margin(line: str) -> float:
        best, score = identifier.classify(line)
        return 0.0 if best == language else float(score) - float(dict(identifier.rank(line))[language])

    return margin


def most_likely() -> Callable[[str], str]:
    """A function that says in which language a line is; empty for a line without letters."""
    identifier = _identifier()
    return lambda line: str(identifier.classify(line)[0]) if any(map(str.isalpha, line)) else ""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def guess(text: list[str], among: list[str], doubt: float = math.inf) -> str:
    """The likeliest of these languages for a text, or any other that is likelier by more nats than `doubt`.

    None for a text that tells nothing: without letters, or with none that py3langid has learnt from. Raises PackageError when
    there is none to choose from.
    """
    sample = " ".join(text).strip()[:SAMPLE]
    if not any(map(str.isalpha, sample)):
        return ""
    identifier = _identifier()
    languages = set(among) & set(identifier.labels)
    if not languages:
        raise PackageError("no model package says its languages: name one with -m (`mtcli models` lists them)")
    ranked = [(str(language), float(score)) for language, score in identifier.rank(sample)]
    (first, most), (_, least) = ranked[0], ranked[-1]
    if most == least:
        return ""
    best, score = next(each for each in ranked if each[0] in languages)
    return first if most - score > doubt else best


def exchanged(src: list[str], tgt: list[str], named: Languages) -> bool:
    """Whether each of two texts seems to be in the other one's language; never where py3langid does not know them."""
    both = [named.src, named.tgt]
    if named.src == named.tgt or not set(both) <= set(_identifier().labels):
        return False
    return guess(src, both) == named.tgt and guess(tgt, both) == named.src
