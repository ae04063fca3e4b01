"""The text of a training: read, looked through, tagged with its languages, some of it held out."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from dataclasses import dataclass

from mtcli.config import languages_of
from mtcli.data.guards import Held, inspect
from mtcli.data.split import Pairs, split
from mtcli.errors import UsageError
from mtcli.lines import read_corpora, read_parallel
from mtcli.tags import tag, target_of
from mtcli.tokenizer import normalise

log = logging.getLogger("mtcli")

Files = tuple[list[str], list[str]]
"""Source files, and target files that belong to them."""


@dataclass(frozen=True)
class Texts:
    """Sentence pairs to train on, to validate with and to test with."""

    train: Pairs
    weights: list[float]
    """How often an epoch shows each pair of `train`."""
    dev: Pairs
    test: Pairs
    targets: tuple[str, ...]
    """Target languages, when each source line names one."""

    def with_dev(self, size: int, seed: int) -> Texts:
        """If there is no dev text: at most `size` pairs of the training text, and at most a twentieth of it, held out for it."""
        if self.dev:
            return self
        kept, held = split(self.train, max(1, min(size, len(self.train) // 20)), seed, normalise)
        return dataclasses.replace(
            self,
            train=[self.train[i] for i in kept],
            weights=[self.weights[i] for i in kept],
            dev=[self.train[i] for i in held],
        )

    @property
    def fingerprint(self) -> str:
        """Changes with any pair or weight that is trained on or validated with."""
        digest = hashlib.sha256()
        for pairs in (self.train, self.dev):
            for src, tgt in pairs:
                digest.update(f"{src}\n{tgt}\n".encode(errors="surrogatepass"))
            digest.update(b"\0")
        if any(weight != 1 for weight in self.weights):
            digest.update(repr(self.weights).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class _Corpus:
    """One pair of files."""

    src: str
    tgt: str
    pairs: Pairs

    @property
    def target(self) -> str:
        """Language of the target file, by its name."""
        return languages_of(self.src, self.tgt).tgt

    def tagged(self) -> _Corpus:
        """With a tag for the target language before each source line that has text and none yet."""
        if not self.target and any(src.strip() and not target_of(src) for src, _ in self.pairs):
            raise UsageError(
                f"{self.tgt}: cannot tell its language: name it like text.de, or begin the lines of {self.src} with {tag('de')}"
            )
        begin = f"{tag(self.target)} "
        return dataclasses.replace(
            self, pairs=[(begin + src if src.strip() and not target_of(src) else src, tgt) for src, tgt in self.pairs]
        )


def read_texts(train: Files, dev: Files, test: Files, weights: list[float], targets: tuple[str, ...] = ()) -> Texts:
    """Read all text. Training pairs that would give dev or test text away are left out; what else is odd is told.

    `targets` are the languages of a model that is trained further. Raises DataError where training would be worthless,
    UsageError where files and weights do not fit together.
    """
    if weights and (len(weights) != len(train[0]) or min(weights) <= 0):
        raise UsageError(f"{len(weights)} weights for {len(train[0])} pairs of files: give each one --weight above 0")
    corpora = [_read(files) for files in (train, dev, test)]
    if targets or _has_several_targets(corpora[0]):
        corpora = [[corpus.tagged() for corpus in each] for each in corpora]
        targets = targets or tuple(sorted(_named(corpora[0])))
        if strange := set().union(*map(_named, corpora)) - set(targets):
            raise UsageError(f"the model does not translate to {', '.join(sorted(strange))}, but to {', '.join(targets)}")
    of_pairs = [weight for corpus, weight in zip(corpora[0], weights or [1.0] * len(train[0]), strict=True) for _ in corpus.pairs]
    pairs, dev_pairs, test_pairs = ([pair for corpus in each for pair in corpus.pairs] for each in corpora)
    found = inspect(pairs, {"dev": dev_pairs, "test": test_pairs}, normalise)
    for notice in found.notices:
        log.warning("%s", notice)
    leaked = set(found.leaked)
    kept = [i for i in range(len(pairs)) if i not in leaked]
    return Texts([pairs[i] for i in kept], [of_pairs[i] for i in kept], dev_pairs, test_pairs, targets)


def read_held(src: list[str], tgt: list[str]) -> Held:
    """What stands in files of held-out text; nothing when there are none. Raises as `read_parallel`."""
    pairs = read_parallel(src, tgt) if src or tgt else []
    return Held([(normalise(src), normalise(tgt)) for src, tgt in pairs])


def _read(files: Files) -> list[_Corpus]:
    return [_Corpus(*names) for names in zip(*files, read_corpora(*files), strict=True)]


def _has_several_targets(corpora: list[_Corpus]) -> bool:
    """Whether the names of the files tell of several target languages, or the first lines name theirs themselves."""
    first_lines = (src for corpus in corpora for src, _ in corpus.pairs[:1])
    return len({corpus.target for corpus in corpora} - {""}) > 1 or any(map(target_of, first_lines))


def _named(corpora: list[_Corpus]) -> set[str]:
    return {target_of(src) for corpus in corpora for src, _ in corpus.pairs if src.strip()}
