"""The text of a training: read, looked through, tagged with its languages, some of it held out."""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from mtcli.cache import cached, reading
from mtcli.config import languages_of
from mtcli.data.guards import Held, Inspection, inspect
from mtcli.data.mapped import Array, Beside, Chain, take
from mtcli.data.split import Pairs, split
from mtcli.errors import DataError, UsageError
from mtcli.identify import exchanged
from mtcli.lines import check_aligned, check_partners, read_parallel, source_name
from mtcli.store import LONG_TEXT, Text, prepare, tagged
from mtcli.tags import tag, target_of, without_tag
from mtcli.tokenizer import normalise

log = logging.getLogger("mtcli")

MOST_WEIGHT = 1000
"""Times that an epoch may show a pair; nor may it be one in more than so many that shows it."""
FIRST = 100
"""Lines at the beginning of a file that show whether its lines name their target languages."""

Files = tuple[list[str], list[str]]
"""Source files, and target files that belong to them."""


@dataclass(frozen=True)
class Texts:
    """Sentence pairs to train on, to validate with and to test with."""

    files: list[tuple[Text, Text]]
    """The training text, file by file."""
    weights: list[float]
    """How often an epoch shows each pair of each file; empty when each is shown once."""
    rows: Array
    """Those of `pairs` that are trained on."""
    dev: Pairs
    test: Pairs
    targets: tuple[str, ...]
    """Target languages, when each source line names one."""
    names: tuple[tuple[str, str], ...] = ()
    """Of the training text, file by file, for people to read."""

    @property
    def pairs(self) -> Beside:
        """All training pairs."""
        src, tgt = (Chain([file[side].lines for file in self.files]) for side in (0, 1))
        return Beside(src, tgt)

    @property
    def weight_of_row(self) -> Array | None:
        """How often an epoch shows each of `rows`; None when each is shown once."""
        if set(self.weights) <= {1}:
            return None
        return np.repeat(self.weights, [len(src.lines) for src, _ in self.files])[self.rows]

    def sample(self, size: int) -> Pairs:
        """So many of the pairs that are trained on, or up to twice as many, evenly spread; all if there are no more."""
        return take(self.pairs, self.rows[:: max(1, len(self.rows) // size)].tolist())

    def with_dev(self, size: int, seed: int) -> Texts:
        """If there is no dev text: at most `size` pairs of the training text, and at most a twentieth of it, held out for it."""
        if self.dev:
            return self
        if len(self.rows) < 2:
            raise DataError("1 sentence pair is not enough to train on and to hold one out: give more text")
        size = max(1, min(size, len(self.rows) // 20))

        def make(folder: Path) -> None:
            kept, chosen = split(self.pairs, self.rows, size, seed)
            np.save(folder / "rows.npy", kept)
            np.save(folder / "dev.npy", chosen)

        folder = cached("dev", [self.fingerprint, size, seed], make)
        with reading(folder):
            dev = take(self.pairs, np.load(folder / "dev.npy").tolist())
            return dataclasses.replace(self, rows=np.load(folder / "rows.npy"), dev=dev)

    @property
    def fingerprint(self) -> str:
        """Changes with any pair or weight that is trained on or validated with."""
        return sha256(json.dumps([self.sums, self.weights, self.dev]).encode() + self.rows.tobytes()).hexdigest()

    @property
    def sums(self) -> list[list[str]]:
        """What the training files hold."""
        return [[side.facts.sum for side in file] for file in self.files]


def read_texts(train: Files, dev: Files, test: Files, weights: list[float], targets: tuple[str, ...] = ()) -> Texts:
    """Prepare all text. Training pairs that would give dev or test text away are left out; what else is odd is told.

    `targets` are the languages of a model that is trained further. Raises DataError where training would be worthless,
    UsageError where files and weights do not fit together.
    """
    if len(weights) not in (0, len(train[0])):
        raise UsageError(f"{len(weights)} weights for {len(train[0])} pairs of files: give each one --weight")
    if wrong := [weight for weight in weights if not 1 / MOST_WEIGHT <= weight <= MOST_WEIGHT]:
        raise UsageError(f"--weight {wrong[0]:g}: give one from {1 / MOST_WEIGHT} to {MOST_WEIGHT}")
    corpora = [_read(files) for files in (train, dev, test)]
    if targets or _has_several_targets(corpora[0]):
        corpora = [[corpus.tagged() for corpus in each] for each in corpora]
        targets = targets or tuple(sorted(_named(corpora[0])))
        if strange := set().union(*map(_named, corpora)) - set(targets):
            raise UsageError(f"the model does not translate to {', '.join(sorted(strange))}, but to {', '.join(targets)}")
    files = [(corpus.text_src, corpus.text_tgt) for corpus in corpora[0]]
    held = [[pair for corpus in each for pair in corpus.pairs] for each in corpora[1:]]
    weights, names = (weights if set(weights) - {1} else []), tuple((corpus.src, corpus.tgt) for corpus in corpora[0])
    texts = Texts(files, weights, np.zeros(0, np.uint32), held[0], held[1], targets, names)
    found = _inspected(texts)
    for notice in found.notices:
        log.warning("%s", notice)
    rows = np.ones(len(texts.pairs), bool)
    rows[found.leaked] = False
    if not rows.any():
        raise DataError("no sentence pair is left to train on: each shares a side with the dev set or the test set")
    return dataclasses.replace(texts, rows=np.flatnonzero(rows).astype(np.uint32))


@dataclass(frozen=True)
class _Corpus:
    """One pair of files."""

    src: str
    tgt: str
    text_src: Text
    text_tgt: Text

    @property
    def pairs(self) -> Beside:
        """Its lines."""
        return Beside(self.text_src.lines, self.text_tgt.lines)

    @property
    def target(self) -> str:
        """Language of the target file, by its name."""
        return languages_of(self.src, self.tgt).tgt

    def tagged(self) -> _Corpus:
        """With a tag for the target language before each source line that has text and none yet."""
        if not self.text_src.facts.untagged:
            return self
        if not self.target:
            raise UsageError(
                f"{self.tgt}: cannot tell its language: name it like text.de, or begin the lines of {self.src} with {tag('de')}"
            )
        return dataclasses.replace(self, text_src=tagged(self.text_src, tag(self.target)))


def _read(files: Files) -> list[_Corpus]:
    src, tgt = files
    check_partners(src, tgt)
    texts = prepare([*src, *tgt])
    for name, text in zip([*src, *tgt], texts, strict=True):
        if not len(text.lines):
            raise DataError(f"{source_name(name)}: is empty")
        if text.facts.invalid:
            log.warning("%s: %d lines held invalid UTF-8, replaced by U+FFFD", source_name(name), text.facts.invalid)
    corpora = [_Corpus(*each) for each in zip(src, tgt, texts[: len(src)], texts[len(src) :], strict=True)]
    for corpus in corpora:
        check_aligned(corpus.src, len(corpus.text_src.lines), corpus.tgt, len(corpus.text_tgt.lines))
    return corpora


def _has_several_targets(corpora: list[_Corpus]) -> bool:
    """Whether the names of the files tell of several target languages, or half of the first lines name theirs themselves."""
    firsts = [[bool(target_of(src)) for src, _ in corpus.pairs[:FIRST]] for corpus in corpora]
    return len({corpus.target for corpus in corpora} - {""}) > 1 or any(2 * sum(first) > len(first) for first in firsts)


def _named(corpora: list[_Corpus]) -> set[str]:
    return {target for corpus in corpora for target in corpus.text_src.facts.targets}


def _inspected(texts: Texts) -> Inspection:
    """What there is to be told of the text, found out once."""

    def make(folder: Path) -> None:
        if len(texts.pairs) > LONG_TEXT:
            log.info("%s pairs are looked through, once", f"{len(texts.pairs):,}")
        _check_languages(texts)
        found = inspect(texts.pairs, {"dev": texts.dev, "test": texts.test}, _starts(texts))
        (folder / "found.json").write_text(json.dumps(dataclasses.asdict(found)), "utf-8")

    languages = [dataclasses.astuple(languages_of(*names)) for names in texts.names]
    folder = cached("inspection", [texts.sums, languages, _starts(texts), texts.dev, texts.test], make)
    with reading(folder):
        return Inspection(**json.loads((folder / "found.json").read_text("utf-8")))


def _check_languages(texts: Texts) -> None:
    for (src, tgt), file in zip(texts.names, texts.files, strict=True):
        named, few = languages_of(src, tgt), len(file[0].lines) < FIRST
        if few or not (named.src and named.tgt):
            continue
        of_src, of_tgt = ([without_tag(line) for line in side.lines[:: len(side.lines) // FIRST]] for side in file)
        if exchanged(of_src, of_tgt, named):
            raise DataError(
                f"{source_name(src)} seems to be in {named.tgt}, and {source_name(tgt)} in {named.src}: "
                "exchange --src and --tgt, or the names of the files"
            )


def _starts(texts: Texts) -> list[tuple[int, str]]:
    """Before which line of all training text each source file begins, counted from 0; nothing of one file."""
    ends = itertools.accumulate((len(src.lines) for src, _ in texts.files), initial=0)
    return [(start, source_name(src)) for start, (src, _) in zip(ends, texts.names, strict=False)] if len(texts.names) > 1 else []


def read_held(src: list[str], tgt: list[str]) -> Held:
    """What stands in files of held-out text; nothing when there are none. Raises as `read_parallel`."""
    pairs = read_parallel(src, tgt) if src or tgt else []
    return Held([(normalise(src), normalise(tgt)) for src, tgt in pairs])
