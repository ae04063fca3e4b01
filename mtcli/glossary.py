"""Terms that must be translated in a given way."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from mtcli.errors import DataError
from mtcli.lines import read_lines
from mtcli.sentences import with_plain_marks
from mtcli.tokenizer import normalise

LONGEST = 200
"""Most characters of a term: each place of a text is compared with as many words as the longest one has."""
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Glossary:
    """Source terms, as words, and the target term of each."""

    terms: dict[tuple[str, ...], str]

    @classmethod
    def load(cls, path: str, language: str = "") -> Glossary:
        """From lines of a source term in that language, a tab and a target term. Raises DataError for any other line.

        Of source terms with marks that a vocabulary may not know the plain form is one, too.
        """
        terms: dict[tuple[str, ...], str] = {}
        plain: dict[tuple[str, ...], str] = {}
        for number, line in enumerate(read_lines(path), 1):
            if not line.strip():
                continue
            src, *tgt = (normalise(column) for column in line.split("\t"))
            if len(tgt) != 1 or not src or not tgt[0]:
                raise DataError(f"{path}, line {number}: write a source term, a tab and its translation")
            if max(map(len, (src, *tgt))) > LONGEST:
                raise DataError(f"{path}, line {number}: a term has at most {LONGEST} characters")
            terms[tuple(_WORD.findall(src))] = tgt[0]
            plain.setdefault(tuple(_WORD.findall(with_plain_marks(src, language))), tgt[0])
        if not terms:
            raise DataError(f"{path}: there is no term in it")
        return cls(plain | terms)

    def has(self, word: str) -> bool:
        """Whether the word is a term as it stands, without what ends a sentence."""
        return tuple(_WORD.findall(word.rstrip(".,;:!?)"))) in self.terms

    def wanted(self, text: str, any_case: bool = False) -> list[str]:
        """The target term for each place where a source term stands, as whole words and written alike; longer terms first.

        At the beginning of the text the first letter may be a capital; with `any_case`, all letters may.
        """
        words = _WORD.findall(text.casefold() if any_case else text)
        terms = self._casefolded if any_case else self.terms
        longest = max(map(len, terms))
        begin = next((i for i, word in enumerate(words) if word.isalnum()), 0)
        found, at = [], 0
        while at < len(words):
            for size in range(min(longest, len(words) - at), 0, -1):
                term = terms.get(tuple(here := words[at : at + size])) or (self._in_lower_case(here) if at == begin else None)
                if term:
                    found.append(term)
                    at += size
                    break
            else:
                at += 1
        return found

    @functools.cached_property
    def _casefolded(self) -> dict[tuple[str, ...], str]:
        return {tuple(_WORD.findall(" ".join(src).casefold())): tgt for src, tgt in self.terms.items()}

    def _in_lower_case(self, words: list[str]) -> str | None:
        return self.terms.get((words[0][0].lower() + words[0][1:], *words[1:]))
