"""Text to text with one model package, or several together."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mtcli.alignment import Link, links, words_of
from mtcli.config import NOT_DRAWN, DecodingConfig, Languages
from mtcli.degenerate import is_degenerate
from mtcli.engines import Engine, Found
from mtcli.errors import DataError, TranslationError, UsageError
from mtcli.hypothesis import Hypothesis
from mtcli.markup import Markup, Segment
from mtcli.package import CT2, ModelPackage, open_package
from mtcli.parts import Cutter, Kept, Noting, Part
from mtcli.tags import spelt, tag, target_of, without_tag
from mtcli.tokenizer import Tokenizer, normalise
from mtcli.treatment import USUAL, Treatment
from mtcli.workers import cores

if TYPE_CHECKING:
    from mtcli.engines.torch_engine import TorchEngine

log = logging.getLogger("mtcli")

ENGINES = ("auto", "torch", "ctranslate2")
PRECISIONS = ("auto", "float32")
TOO_LONG = 8
"""What is scored may be so many times as long as what is translated."""
CAREFUL_NGRAM = 3
"""No run of so many pieces may come twice when a line is searched for again."""
BROKEN = "\ufffd"
"""What stands in a text for bytes that are no letter."""

Hypotheses = list[list[Hypothesis]]
Readings = list[list["_Read"]]
"""Of each part what was found, best first."""


@dataclass(frozen=True)
class Translation:
    """One of the translations of one line."""

    text: str
    score: float
    """As in hypothesis.Hypothesis; the sum over the parts of a line that was cut."""
    confidence: float
    """Mean probability of a piece, from 0 to 1."""
    pieces: int
    """How many pieces that is the mean of."""
    alignment: tuple[Link, ...] = ()
    """Which word of the line each word of the text translates, when asked for."""


@dataclass(frozen=True)
class Scored:
    """How likely a model finds a given translation."""

    log_probability: float
    """In nats, of all pieces together; not a number where a side was too long."""
    pieces: int
    """Target pieces, EOS included."""


@dataclass(frozen=True)
class _Read:
    """A hypothesis and what it says."""

    found: Hypothesis
    text: str
    broken: bool
    """Whether the text holds bytes that are no letter, as its source does not."""

    @property
    def whole(self) -> str:
        """The text without what is no letter, and without words of nothing else."""
        return " ".join(self.text.replace(BROKEN, "").split()) if self.broken else self.text


class Translator:
    """Translates lists of lines. The k-th result belongs to the k-th line."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        config: DecodingConfig,
        targets: tuple[str, ...] = (),
        treatment: Treatment = USUAL,
        language: str = "",
    ) -> None:
        """`targets` are the languages that each line must choose one of, when there are several; `language` is that of the lines.

        Raises UsageError when the treatment asks for another one, DataError when its glossary cannot be read.
        """
        self.engine, self.tokenizer, self.config, self.targets, self.treatment = engine, tokenizer, config, targets, treatment
        self.distinct = config.n_best > 1 and not config.temperature
        """Whether each line has translations that differ: what is drawn at random may come twice."""
        self.searched = dataclasses.replace(config, n_best=config.beam_size) if self.distinct else config
        """What the engine is asked for: as much as a beam holds, since one text may be several rows of pieces.

        CTranslate2 would find others if it were asked for less: without a length penalty it stops at the first so many that end.
        """
        if treatment.glossary and config.temperature:
            raise UsageError("a glossary is for searching, not for drawing at random: leave out --temperature or --glossary")
        self.cutter = Cutter(tokenizer, config, targets, treatment, language)
        self.markup = Markup(treatment.format) if treatment.format != "text" else None
        """What the lines so far have begun; None for plain text."""
        self.notices: Counter[str] = Counter()

    @classmethod
    def load(
        cls,
        name: str | Sequence[str],
        device: str = "auto",
        engine: str = "auto",
        precision: str = "auto",
        threads: int = 1,
        treatment: Treatment = USUAL,
        **decoding: float,
    ) -> Translator:
        """The translator in a model package; `decoding` replaces values of its `[decoding]`, such as `beam_size=1`.

        Several names are models that translate together, by the mean of their probabilities.
        `engine` is torch, ctranslate2 or auto: ctranslate2 where it can do what is asked. `precision` is float32 or auto: the
        fastest type. So many `threads` each work on sentences of their own; 0 takes all processors.

        Raises PackageError when the package is missing or damaged, UsageError when the engine cannot do what is asked.
        """
        if decoding.get("temperature") == 0:
            decoding = {**NOT_DRAWN, **decoding}
        packages = [open_package(each) for each in ([name] if isinstance(name, str) else name)]
        first = packages[0]
        for other in packages[1:]:
            if other.tokenizer_files() != first.tokenizer_files():
                raise UsageError(
                    f"{other.folder} has another tokenizer than {first.folder}: models that translate together share one"
                )
        config = dataclasses.replace(first.config.decoding, **decoding)  # type: ignore[arg-type]
        treatment = dataclasses.replace(treatment, to=_target(treatment.to, first.config.languages))
        if treatment.split is None:
            treatment = dataclasses.replace(treatment, split=first.config.data.single_sentences)
        tokenizer = first.tokenizer()
        threads = threads or cores()
        found = load_engine(packages, tokenizer, config, treatment, engine, device, precision, threads)
        return cls(found, tokenizer, config, first.config.languages.targets, treatment, first.config.languages.src)

    def translate(self, lines: list[str]) -> list[str]:
        """The best translation of each line; one in which there is nothing to translate stays as it is."""
        return [hypotheses[0].text for hypotheses in self.translate_n_best(lines)]

    def translate_n_best(self, lines: list[str]) -> list[list[Translation]]:
        """The `n_best` best translations of each line, best first; a single one where there is nothing to translate.

        They are fewer where the search has not found so many that differ; of what is drawn at random some may be the same.
        The lines are a text of their own: markup that earlier ones have begun is over.
        """
        return self._begin(lines, (), self.markup and Markup(self.treatment.format))()

    def tell(self, total: int) -> None:
        """Log what there is to say of `total` lines that were translated."""
        for notice, count in self.notices.items():
            log.warning("%d of %d lines %s", count, total, notice)

    def submit(self, lines: list[str], prefixes: Sequence[str] = ()) -> Callable[[], list[list[Translation]]]:
        """Begin `translate_n_best`; calling what is returned waits for its end.

        The translations of each line begin with its prefix, if there are any. Raises UsageError for prefixes beside markup.
        """
        return self._begin(lines, prefixes, self.markup)

    def _begin(self, lines: list[str], prefixes: Sequence[str], markup: Markup | None) -> Callable[[], list[list[Translation]]]:
        if isinstance(lines, str):
            raise TypeError("lines are a list of strings, and this is one string")
        if not markup:
            return self._submit_text(lines, range(len(lines)), prefixes)
        if prefixes:
            raise UsageError(f"--format {self.treatment.format} knows no prefixes: leave out --prefix")
        tags = [tag(target) if (target := target_of(line)) and target in self.targets else "" for line in lines]
        cut = [markup.cut(without_tag(line) if begin else line) for line, begin in zip(lines, tags, strict=True)]
        segments = [
            (i, f"{tags[i]} {each.text}") for i, of_line in enumerate(cut) for each in of_line if isinstance(each, Segment)
        ]
        searching = self._submit_text([text for _, text in segments], [i for i, _ in segments])

        def translations() -> list[list[Translation]]:
            found = iter(searching())
            return [_put_together(of_line, [next(found) for each in of_line if isinstance(each, Segment)]) for of_line in cut]

        return translations

    def _submit_text(
        self, texts: list[str], numbers: Sequence[int], prefixes: Sequence[str] = ()
    ) -> Callable[[], list[list[Translation]]]:
        """Begin to translate texts, each from the line with its number."""
        noting = Noting(self.notices, numbers)
        parts: list[Part] = []
        owners: list[range] = []
        begins = self._prefixes(prefixes) if prefixes else [()] * len(texts)
        for of_text, prefix in zip(self.cutter.parts(texts, noting, list(map(bool, begins))), begins, strict=True):
            if of_text and prefix:
                of_text[0] = dataclasses.replace(of_text[0], sentence=dataclasses.replace(of_text[0].sentence, prefix=prefix))
            owners.append(range(len(parts), len(parts) + len(of_text)))
            parts += of_text
        searching = self._submit(parts, self.searched)

        def translations() -> list[list[Translation]]:
            found = searching()
            if not all(found):  # what it computed were no numbers
                raise TranslationError("the model finds nothing, not even a bad translation: its weights are damaged")
            read = self._differing(self._searched_again(parts, self._read(parts, found), noting))
            self._note_missing(parts, read, noting)
            return self._join(parts, read, owners, texts)

        return translations

    def _submit(self, parts: list[Part], config: DecodingConfig) -> Found:
        """Begin to search for parts, once for those that are alike."""
        keys = [(tuple(part.sentence.ids), part.sentence.prefix, part.sentence.terms) for part in parts]
        alike = {key: part.sentence for key, part in zip(keys, parts, strict=True)}
        searching = self.engine.submit(list(alike.values()), config)

        def found() -> Hypotheses:
            of_each = dict(zip(alike, searching(), strict=True))
            return [of_each[key] for key in keys]

        return found

    def score(self, pairs: list[tuple[str, str]]) -> list[Scored]:
        """How likely the model finds each target line, given its source line. The translator was loaded for `scoring`."""
        src, tgt = zip(*pairs, strict=True) if pairs else ((), ())
        ids = list(
            zip(self.tokenizer.encode(self.cutter.tagged(list(src)), "src"), self.tokenizer.encode(list(tgt), "tgt"), strict=True)
        )
        limit = TOO_LONG * self.config.longest
        fits = [i for i, pair in enumerate(ids) if max(map(len, pair)) <= limit]
        if len(fits) < len(ids):
            self.notices[f"had more than {limit} pieces on a side: too long to score"] += len(ids) - len(fits)
        scores = [Scored(math.nan, len(tgt) + 1) for _, tgt in ids]
        for i, score in zip(fits, cast("TorchEngine", self.engine).score([ids[i] for i in fits], self.config), strict=True):
            if not math.isfinite(score):
                raise TranslationError("the model gives no number for a line: its weights are damaged")
            scores[i] = Scored(score, scores[i].pieces)
        return scores

    def _prefixes(self, prefixes: Sequence[str]) -> list[tuple[int, ...]]:
        found = [tuple(ids) for ids in self.tokenizer.encode(list(prefixes), "tgt")]
        for prefix, ids in zip(prefixes, found, strict=True):
            if len(ids) > self.config.max_source_length:
                raise DataError(
                    f"the prefix that begins with {prefix[:30]!r} has {len(ids)} pieces: "
                    f"the model knows translations of {self.config.max_source_length}: make it shorter"
                )
        return found

    def _read(self, parts: list[Part], found: Hypotheses) -> Readings:
        texts = iter(self.tokenizer.decode([hypothesis.ids for of_part in found for hypothesis in of_part], "tgt"))
        return [
            [_Read(hypothesis, text := next(texts), self._is_broken(part, text)) for hypothesis in of_part]
            for part, of_part in zip(parts, found, strict=True)
        ]

    def _searched_again(self, parts: list[Part], found: Readings, noting: Noting) -> Readings:
        """What was found, where the best cannot be right once more, without repetitions, in the hope of something better.

        What was drawn at random is what was asked for: that is counted, and not drawn again.
        """
        if not self.config.retry:
            return found
        wrong = self._wrong(parts, found)
        careful = self._careful()
        as_it_is = self.config.temperature > 0 or careful == self.searched
        for i in wrong:
            end = "" if as_it_is else ", and were translated again without repetitions"
            noting.note(f"gave loops, nothing, no end, or broken letters{end}", parts[i].owner)
        if as_it_is or not wrong:
            return found
        those = [parts[i] for i in wrong]
        again = self._read(those, self._submit(those, careful)())
        still = set(self._wrong(those, again))
        better = {i: each for n, (i, each) in enumerate(zip(wrong, again, strict=True)) if n not in still}
        return [better.get(i, of_part) for i, of_part in enumerate(found)]

    def _careful(self) -> DecodingConfig:
        """How to search for something, and without repetitions, if the user forbids no shorter ones."""
        ngram = min(self.config.no_repeat_ngram or CAREFUL_NGRAM, CAREFUL_NGRAM)
        return dataclasses.replace(
            self.searched,
            no_repeat_ngram=ngram,
            min_length_ratio=max(self.config.min_length_ratio, min(1e-9, self.config.max_length_ratio)),
        )

    def _wrong(self, parts: list[Part], found: Readings) -> list[int]:
        """Indices of the parts whose best hypothesis cannot be right."""
        wrong = []
        for i, (part, (best, *_)) in enumerate(zip(parts, found, strict=True)):
            limit = self.config.limits(len(part.sentence.ids), len(part.sentence.prefix))[1]
            if best.broken or is_degenerate(part.sentence.ids, best.found.ids, limit):
                wrong.append(i)
        return wrong

    def _is_broken(self, part: Part, text: str) -> bool:
        """Whether the text, a translation of the part, holds bytes that are no letter, as its source does not."""
        return BROKEN in text and BROKEN not in self.tokenizer.decode([part.sentence.ids], "src")[0]

    def _differing(self, found: Readings) -> Readings:
        """The best hypotheses of each part, at most `n_best`, without those whose text a better one has."""
        if not self.distinct:
            return found
        differing = []
        for of_part in found:
            by_text: dict[str, _Read] = {}
            for each in of_part:
                by_text.setdefault(each.whole, each)
            differing.append(list(by_text.values())[: self.config.n_best])
        return differing

    def _note_missing(self, parts: list[Part], found: Readings, noting: Noting) -> None:
        for part, (best, *_) in zip(parts, found, strict=True):
            if not all(re.search(rf"(?<!\w){re.escape(term)}(?!\w)", best.text) for term in part.terms):
                noting.note("have a term that could not be put in", part.owner)

    def _join(self, parts: list[Part], found: Readings, owners: list[range], texts: list[str]) -> list[list[Translation]]:
        """The translations of each text from those of its parts."""
        aligned = iter(self._alignments(parts, found)) if self.treatment.aligns else itertools.repeat(())
        of_parts = [
            [_between(part, _translation(each, next(aligned)), self.treatment.aligns) for each in of_part]
            for part, of_part in zip(parts, found, strict=True)
        ]
        return [
            _joined([of_parts[i] for i in owner]) if owner else [self._untranslated(text)]
            for owner, text in zip(owners, texts, strict=True)
        ]

    def _untranslated(self, text: str) -> Translation:
        words = normalise(without_tag(text) if self.targets else text).split()
        return _as_it_is(tuple(enumerate(words)), self.treatment.aligns)

    def _alignments(self, parts: list[Part], found: Readings) -> Iterator[tuple[Link, ...]]:
        pairs = [(part.sentence.ids, each.found.ids) for part, of_part in zip(parts, found, strict=True) for each in of_part]
        words = (part.words for part, of_part in zip(parts, found, strict=True) for _ in of_part)
        for (_, tgt), src_words, weights in zip(
            pairs, words, cast("TorchEngine", self.engine).alignment(pairs, self.config), strict=True
        ):
            yield tuple(links(weights, src_words, words_of(self.tokenizer.pieces(tgt, "tgt"))))


def _translation(read: _Read, alignment: tuple[Link, ...]) -> Translation:
    if read.broken:
        left = [i for i, word in enumerate(read.text.split()) if word.strip(BROKEN)]
        places = {before: after for after, before in enumerate(left)}
        alignment = tuple((src, places[tgt]) for src, tgt in alignment if tgt in places)
    found = read.found
    return Translation(read.whole, found.score, found.confidence, len(found.ids) + 1, alignment)


def _between(part: Part, translation: Translation, aligned: bool) -> Translation:
    """The translation with the words that stand beside it."""
    if not part.before and not part.after:
        return translation
    whole = _in_a_row([_as_it_is(part.before, aligned), translation, _as_it_is(part.after, aligned)])
    return dataclasses.replace(translation, text=whole.text, alignment=whole.alignment)


def _as_it_is(words: Kept, aligned: bool) -> Translation:
    """Words in which there is nothing to translate: each translates itself."""
    links = tuple((src, tgt) for tgt, (src, _) in enumerate(words)) if aligned else ()
    return Translation(" ".join(word for _, word in words), 0.0, 1.0, 0, links)


def _joined(parts: list[list[Translation]]) -> list[Translation]:
    if len(parts) == 1:
        return parts[0]
    return [_in_a_row(chosen) for chosen in _by_rank(parts)]


def _by_rank(parts: list[list[Translation]]) -> list[list[Translation]]:
    """The best translations of all parts, the second best ones and so on; a part with fewer than others repeats its last."""
    count = max(map(len, parts), default=1)
    return [[part[min(rank, len(part) - 1)] for part in parts] for rank in range(count)]


def _put_together(line: list[Segment | str], found: list[list[Translation]]) -> list[Translation]:
    """The translations of a line with markup from those of its segments."""
    whole = []
    for chosen in _by_rank(found):
        own = iter([(each.text, each.alignment) for each in chosen])
        written = [each if isinstance(each, str) else each.restore(*next(own)) for each in line]
        whole.append(dataclasses.replace(_in_a_row(chosen), text="".join(written), alignment=()))
    return whole


def _in_a_row(parts: list[Translation]) -> Translation:
    alignment, words = [], 0
    for part in parts:
        alignment += [(src, tgt + words) for src, tgt in part.alignment]
        words += len(part.text.split())
    text = " ".join(part.text for part in parts if part.text)
    pieces = sum(part.pieces for part in parts)
    total = sum(part.pieces * math.log(max(part.confidence, 1e-9)) for part in parts)
    return Translation(text, sum((part.score for part in parts), 0.0), math.exp(total / max(1, pieces)), pieces, tuple(alignment))


def _target(asked: str, languages: Languages) -> str:
    """The language to translate to as the package spells it; none if it has one alone, which no line need name."""
    to = spelt(asked, languages.targets or (languages.tgt,)) if asked else ""
    return "" if to == languages.tgt and not languages.targets else to


def load_engine(
    packages: list[ModelPackage],
    tokenizer: Tokenizer,
    config: DecodingConfig,
    treatment: Treatment,
    engine: str,
    device: str,
    precision: str,
    threads: int,
) -> Engine:
    """The engine that was asked for; `auto` is ctranslate2 where it can do what is asked."""
    for name, value, known in (("engine", engine, ENGINES), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise UsageError(f"--{name} cannot be {value}: choose one of {', '.join(known)}")
    obstacle = "" if engine == "torch" else _why_not_ctranslate2(packages, config, treatment, precision)
    if engine == "ctranslate2" and obstacle:
        raise UsageError(f"--engine ctranslate2: {obstacle}")
    if engine != "torch" and not obstacle:
        from mtcli.engines.ctranslate2_engine import CTranslate2Engine

        src, tgt = tokenizer.vocabulary("src"), tokenizer.vocabulary("tgt")
        return CTranslate2Engine(packages[0].ct2_files(src, tgt, tokenizer.sizes), src, tgt, device, threads)
    return _torch_engine(packages, tokenizer, device, precision, threads)


def _why_not_ctranslate2(packages: list[ModelPackage], config: DecodingConfig, treatment: Treatment, precision: str) -> str:
    """What keeps ctranslate2 from doing what is asked; nothing if it can."""
    package = packages[0]
    beyond = {
        "it translates with one model alone": len(packages) > 1,
        "what it draws at random depends on the other lines": config.temperature > 0,
        "it knows no glossaries": bool(treatment.glossary),
        "it does not tell which words translate which": treatment.aligns,
        "it does not score what is given": treatment.scoring,
        "it holds Transformers only, and this is an RNN": package.config.model.architecture != "transformer",
    }
    for why, asked in beyond.items():
        if asked:
            return why
    if not (package.folder / CT2).exists():
        return f"{package.folder} has no {CT2}/: `mtcli export -m {package.folder} --to ctranslate2` writes it"
    if config.longest > package.config.decoding.longest:
        return f"it was exported for at most {package.config.decoding.longest} pieces, not {config.longest}"
    if precision == "float32" and (stored := package.ct2_settings()["quantization"]) != "float32":
        return f"{package.folder / CT2} holds {stored}: `mtcli export --to ctranslate2 --quantization float32` writes float32"
    return ""


def _torch_engine(packages: list[ModelPackage], tokenizer: Tokenizer, device: str, precision: str, threads: int) -> Engine:
    from mtcli.engines.torch_engine import TorchEngine, pick_device
    from mtcli.model import decoding_dtype
    from mtcli.search import Decoder

    where = pick_device(device)
    models = [package.load_model(tokenizer.sizes, where) for package in packages]
    decoder = Decoder(models, tokenizer.never_generated(), decoding_dtype(precision, where), tokenizer.continuing())
    return TorchEngine(decoder, where, threads if where.type == "cpu" else 0)
