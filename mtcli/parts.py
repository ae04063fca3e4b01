"""Texts to the parts that are translated by themselves: sentences, and what is cut because it is too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mtcli.alignment import words_of
from mtcli.config import DecodingConfig
from mtcli.errors import UsageError
from mtcli.glossary import Glossary
from mtcli.hypothesis import Sentence
from mtcli.sentences import in_capitals, in_small_letters, kept_apart, origins, split_sentences, with_plain_marks, without_emoji
from mtcli.tags import tag, target_of, without_tag
from mtcli.tokenizer import SPACE, Tokenizer, normalise
from mtcli.treatment import Treatment


class Noting:
    """Counts each line once for each notice, whatever is cut from it."""

    def __init__(self, notices: Counter[str], numbers: Sequence[int]) -> None:
        """`numbers` are the lines that texts come from."""
        self._notices, self._numbers = notices, numbers
        self._done: set[tuple[str, int]] = set()

    def note(self, notice: str, text: int) -> None:
        """The notice goes for the text with this index."""
        key = (notice, self._numbers[text])
        self._notices[notice] += key not in self._done
        self._done.add(key)


Kept = tuple[tuple[int, str], ...]
"""Words of the line, each with its number, that stand beside a translation as they are."""


@dataclass(frozen=True)
class Part:
    """A text, or what was cut from one."""

    owner: int
    """Index of the text."""
    sentence: Sentence
    words: tuple[int, ...]
    """The word of the line that each source piece belongs to, counted from 0; -1 for a tag."""
    terms: tuple[str, ...] = ()
    """What the translation must hold."""
    before: Kept = ()
    after: Kept = ()


class _Stretch(NamedTuple):
    """A sentence of a text, or what stays as it is."""

    text: str
    read: str
    """The same with plain marks, if the vocabulary knows these alone."""
    ids: list[int]
    kept: bool


class Cutter:
    """Cuts texts, with what the treatment asks for."""

    def __init__(
        self, tokenizer: Tokenizer, config: DecodingConfig, targets: tuple[str, ...], treatment: Treatment, language: str = ""
    ) -> None:
        """`targets` are the languages that each text must choose one of, when there are several; `language` is that of the texts.

        Raises UsageError when the treatment asks for another one, DataError when its glossary cannot be read.
        """
        self.tokenizer, self.config, self.targets, self.treatment = tokenizer, config, targets, treatment
        if treatment.to and treatment.to not in targets:
            raise UsageError(f"--to {treatment.to}: the model translates to {', '.join(targets) or 'one language alone'}")
        self.language = language
        self.glossary = Glossary.load(treatment.glossary, language) if treatment.glossary else None

    def tagged(self, lines: list[str]) -> list[str]:
        """Each line with the tag of the language that all are to go to, unless it has one."""
        to = self.treatment.to
        if not to:
            return lines
        return [f"{tag(to)} {line}" if line.strip() and not target_of(line) else line for line in lines]

    def parts(self, texts: list[str], noting: Noting, whole: Sequence[bool] = ()) -> list[list[Part]]:
        """Of each text the parts that are translated by themselves; none of one that stays as it is, as one of nothing does.

        Of `whole` texts nothing but emoji at the end is kept apart.
        """
        texts, given = self.tagged(texts), texts
        cut = [self._sentences(*each) for each in zip(texts, whole or [False] * len(texts), strict=True)]
        encoded = iter(self.tokenizer.encode([each for of_text in cut for each, kept in of_text if not kept], "src"))
        found = []
        for i, (text, of_text) in enumerate(zip(texts, cut, strict=True)):
            stretches = [
                _Stretch(each, each, [], True) if kept else self._read(i, each, next(encoded), noting) for each, kept in of_text
            ]
            found.append(self._parts_of(i, text, stretches, given[i], noting))
        return found

    def _read(self, owner: int, sentence: str, ids: list[int], noting: Noting) -> _Stretch:
        """What is read for a sentence, of which `ids` are the pieces."""
        plain, ids = self._plain(sentence, ids)
        return _Stretch(sentence, plain, self._unshouted(owner, plain, ids, noting), False)

    def _sentences(self, text: str, whole: bool) -> list[tuple[str, bool]]:
        """The sentences of a text, the first with its tag, and (True) what stays as it is."""
        if whole:
            words = without_emoji(text)[0]
            parts = [(words, False), (text[len(words) :].strip(), True)]
        else:
            begin = len(text) - len(self._words(text))
            parts = kept_apart(text, begin, self._is_unknown)
            if begin and parts and not parts[0][1]:
                parts[0] = (text[: text.index(parts[0][0], begin) + len(parts[0][0])], False)
            elif begin:
                parts.insert(0, (text[:begin], False))
        split = split_sentences if self.treatment.split else lambda part: [part]
        return [(each, kept) for part, kept in parts if part for each in ([part] if kept else split(part))]

    def _is_unknown(self, word: str) -> bool:
        """Whether the vocabulary spells a word letter by letter, and no term says what it becomes."""
        if self.glossary and self.glossary.has(word):
            return False
        return 2 * len(self.tokenizer.encode([word], "src")[0]) > len(word)

    def _plain(self, sentence: str, ids: list[int]) -> tuple[str, list[int]]:
        """The sentence and its ids; with plain marks where the vocabulary does not know those that it has."""
        plain = with_plain_marks(sentence, self.language)
        if plain == sentence or not (spelt := self.tokenizer.spelt(ids, "src")):
            return sentence, ids
        [known] = self.tokenizer.encode([plain], "src")
        return (plain, known) if known and self.tokenizer.spelt(known, "src") < spelt else (sentence, ids)

    def _unshouted(self, owner: int, sentence: str, ids: list[int], noting: Noting) -> list[int]:
        """The ids of a sentence; of one in capitals those of small letters, if the vocabulary knows them by fewer pieces."""
        words = self._words(sentence)
        if not in_capitals(words) or (self.glossary and self.glossary.wanted(words)):
            return ids
        [small] = self.tokenizer.encode([sentence.removesuffix(words) + in_small_letters(words)], "src")
        if len(small) >= len(ids):
            return ids
        noting.note("were in capitals and were translated as if in small letters", owner)
        return small

    def _words(self, sentence: str) -> str:
        return without_tag(sentence) if self.targets else sentence

    def _parts_of(self, owner: int, text: str, sentences: list[_Stretch], given: str, noting: Noting) -> list[Part]:
        """The parts of a text; where there are several targets, each begins with the one that the text names.

        A tag is a word of the text for those who asked for an alignment, if it stands in the text as it was given.
        """
        begin = self._tag(owner, text, noting) if self.targets and any(each.ids for each in sentences) else []
        longest = max(1, self.config.max_source_length - len(begin))
        if any(len(each.ids) - len(begin) * (number == 0) > longest for number, each in enumerate(sentences)):
            noting.note("were too long and were translated in parts", owner)
        parts: list[Part] = []
        beside: list[list[tuple[int, str]]] = [[]]  # before the first part, and after each
        words, end = int(bool(begin) and self.treatment.alignment and text == given), 0
        for number, (sentence, read, ids, kept) in enumerate(sentences):
            start = text.find(sentence, end)
            own = ids[len(begin) :] if begin and number == 0 else ids
            if own or kept:
                words -= start > 0 and words > 0 and not text[start - 1].isspace()  # no blank ends the word before
            if kept:
                standing = sentence.split()
                beside[-1] += [(n, plain) for n, word in enumerate(standing, words) if (plain := normalise(word))]
                words += len(standing)
            indices = [0] * len(own)
            if self.treatment.aligns and own:
                without = self._words if begin and number == 0 else str
                of_read = self._origins(without(sentence), without(read))
                indices = [words + of_read[i] for i in words_of(self.tokenizer.pieces(own, "src"))]
                words += len(without(sentence).split())
            at, end = 0, start + len(sentence)
            any_case = self.glossary is not None and in_capitals(self._words(sentence))
            for piece in self._cut(own, longest):
                terms = self._terms(piece, any_case)
                parts.append(self._part(owner, begin, piece, indices[at : at + len(piece)], terms))
                beside.append([])
                at += len(piece)
        if parts and any(beside):
            parts = [replace(part, after=tuple(after)) for part, after in zip(parts, beside[1:], strict=True)]
            parts[0] = replace(parts[0], before=tuple(beside[0]))
        return parts

    def _origins(self, sentence: str, read: str) -> list[int]:
        """For each word that the tokenizer has read the word of the sentence that it comes of."""
        of_read = range(len(sentence.split())) if read == sentence else origins(sentence, self.language)
        return [at for at, word in zip(of_read, read.split(), strict=True) for _ in normalise(word).split()]

    def _tag(self, owner: int, text: str, noting: Noting) -> list[int]:
        """The ids of the tag that a text begins with; none, and a notice, where it names no target."""
        target = target_of(text)
        if target in self.targets:
            [ids] = self.tokenizer.encode([tag(target)], "src")
            return ids
        wanted = " or ".join(map(tag, self.targets))
        noting.note(f"do not begin with {wanted}: the model chose a language (--to gives one to all lines)", owner)
        return []

    def _terms(self, ids: list[int], any_case: bool) -> list[str]:
        return self.glossary.wanted(self.tokenizer.decode([ids], "src")[0], any_case) if self.glossary else []

    def _part(self, owner: int, begin: list[int], ids: list[int], words: list[int], terms: list[str]) -> Part:
        pieces = tuple(map(tuple, self.tokenizer.encode(terms, "tgt"))) if terms else ()
        return Part(owner, Sentence([*begin, *ids], terms=pieces), (*[-1] * len(begin), *words), tuple(terms))

    def _cut(self, ids: list[int], limit: int) -> list[list[int]]:
        """Ids in parts of at most `limit`, cut before a word, after punctuation if there is some."""
        if len(ids) <= limit:
            return [ids] if ids else []
        pieces = self.tokenizer.pieces(ids, "src")
        starts = [piece.startswith(SPACE) for piece in pieces]
        stops = [piece[-1] in ".!?;:,。！？；：，" for piece in pieces]
        parts, first = [], 0
        while len(ids) - first > limit:
            words = [i for i in range(first + limit // 2, first + limit + 1) if starts[i]]
            at = max((i for i in words if stops[i - 1]), default=max(words, default=first + limit))
            parts.append(ids[first:at])
            first = at
        return [*parts, ids[first:]]
