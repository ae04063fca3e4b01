"""Names of languages, and those that lines give themselves as a target, as in `>>de<< Hello!` (Johnson et al. 2017)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TAG = re.compile(r"\s*>>([\w-]+)<<(?=\s|$)")


def tag(language: str) -> str:
    """What a source line begins with that is to be translated into the language."""
    return f">>{language}<<"


def without_tag(line: str) -> str:
    """The line without the tag that it begins with."""
    found = _TAG.match(line)
    return line[found.end() :] if found else line


def target_of(line: str) -> str:
    """The language that the line names; empty when it names none."""
    found = _TAG.match(line)
    return found[1] if found else ""


def spelt(language: str, known: Iterable[str]) -> str:
    """The known language that is meant: `DE` and `de_AT` are `de`, where none is nearer; the language as it is where none is."""
    names = {_plain(each): each for each in known}
    if language in names.values():
        return language
    return names.get(_plain(language)) or names.get(_plain(language).partition("-")[0]) or language


def _plain(language: str) -> str:
    return language.lower().replace("_", "-")
