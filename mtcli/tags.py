"""Target languages that lines name themselves, as in `>>de<< Hello!`: one model for several languages (Johnson et al. 2017)."""

from __future__ import annotations

import re

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
