"""Which package translates a text, by its languages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from mtcli.errors import DataError, PackageError
from mtcli.package import DEFAULT, ModelPackage, open_package, shipped, translating

log = logging.getLogger("mtcli")

AUTO = "auto"
SAMPLE = 10_000
"""Characters that tell the language of a text."""


def choose(src: str, tgt: str, text: list[str]) -> ModelPackage:
    """The package for a text from `src` to `tgt`: the shipped default where both are empty; `auto` guesses `src` from the text.

    Raises PackageError when no package knows the languages, DataError when the text seems to be in `tgt` already.
    """
    guessed = src == AUTO
    if guessed:
        known = {package.config.languages.src for package in translating("", tgt)} - {""}
        src = guess(text, sorted(known | {tgt} - {""})) if known else ""
        if src and src == tgt:
            raise DataError(f"the text looks like {src} already, the language to translate to: name its own with --from")
    if not (src or tgt):
        return open_package(str(shipped() / DEFAULT))
    package = _first(src, tgt)
    if guessed and src:
        log.info("the text looks like %s: translating with %s", src, package.folder)
    return package


def _first(src: str, tgt: str) -> ModelPackage:
    if found := translating(src, tgt):
        return found[0]
    pairs = sorted({f"{package.config.languages.src}-{package.config.languages.tgt}" for package in translating("", "")})
    wanted = " ".join(filter(None, (f"from {src}" if src else "", f"to {tgt}" if tgt else "")))
    raise PackageError(f"no model package translates {wanted}; there is {', '.join(pairs) or 'none'}: see `mtcli models`")


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


def guess(text: list[str], among: list[str]) -> str:
    """The likeliest language of a text, by py3langid (Lui & Baldwin 2012); none for a blank text.

    Raises PackageError when there is none to choose from.
    """
    sample = " ".join(text).strip()[:SAMPLE]
    if not sample:
        return ""
    identifier = _identifier()
    languages = set(among) & set(identifier.labels)
    if not languages:
        raise PackageError("no model package says its languages: name one with -m (`mtcli models` lists them)")
    return next(str(language) for language, _ in identifier.rank(sample) if language in languages)
