"""Text to text with one model package."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mtcli.config import DecodingConfig
from mtcli.engines import Engine
from mtcli.errors import UsageError
from mtcli.hypothesis import Hypothesis
from mtcli.package import CT2, ModelPackage, open_package
from mtcli.tags import tag, target_of
from mtcli.tokenizer import Tokenizer

ENGINES = ("auto", "torch", "ctranslate2")
PRECISIONS = ("auto", "float32")


@dataclass(frozen=True)
class Translation:
    """One of the translations of one line."""

    text: str
    score: float
    """As in hypothesis.Hypothesis; the sum over the parts of a line that was cut."""


class Translator:
    """Translates lists of lines. The k-th result belongs to the k-th line."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        config: DecodingConfig,
        targets: tuple[str, ...] = (),
    ) -> None:
        """`targets` are the languages that each line must choose one of, when there are several."""
        self.engine, self.tokenizer, self.config, self.targets = engine, tokenizer, config, targets
        self.notices: Counter[str] = Counter()
        """How many lines so far needed something that a user may want to know."""

    @classmethod
    def load(
        cls, name: str, device: str = "auto", engine: str = "auto", precision: str = "auto", threads: int = 1, **decoding: float
    ) -> Translator:
        """The translator in a model package; `decoding` replaces values of its `[decoding]`, such as `beam_size=1`.

        `engine` is torch, ctranslate2 or auto: ctranslate2 where it can do what is asked. `precision` is float32 or auto: the
        fastest type. So many `threads` each work on sentences of their own; 0 takes all processors.

        Raises PackageError when the package is missing or damaged, UsageError when the engine cannot do what is asked.
        """
        package = open_package(name)
        config = dataclasses.replace(package.config.decoding, **decoding)  # type: ignore[arg-type]
        tokenizer = package.tokenizer()
        threads = threads or len(os.sched_getaffinity(0))
        return cls(
            load_engine(package, tokenizer, config, engine, device, precision, threads),
            tokenizer,
            config,
            package.config.languages.targets,
        )

    def translate(self, lines: list[str]) -> list[str]:
        """The best translation of each line; a line without text gives an empty one."""
        return [hypotheses[0].text for hypotheses in self.translate_n_best(lines)]

    def translate_n_best(self, lines: list[str]) -> list[list[Translation]]:
        """The `n_best` best translations of each line, best first; a single empty one for a line without text."""
        return self.submit(lines)()

    def submit(self, lines: list[str]) -> Callable[[], list[list[Translation]]]:
        """Begin `translate_n_best`; calling what is returned waits for its end."""
        parts: list[list[int]] = []
        owners: list[range] = []
        for line, ids in zip(lines, self.tokenizer.encode(lines, "src"), strict=True):
            pieces = self._cut_tagged(line, ids) if self.targets else self._cut_line(ids)
            owners.append(range(len(parts), len(parts) + len(pieces)))
            parts += pieces
        found = self.engine.submit(parts, self.config)

        def translations() -> list[list[Translation]]:
            return self._join(found(), owners)

        return translations

    def _cut_tagged(self, line: str, ids: list[int]) -> list[list[int]]:
        """As `_cut_line`, each part with the target language that the line names; a line that says nothing else has no part."""
        target = target_of(line)
        if ids and target not in self.targets:
            wanted = " or ".join(map(tag, self.targets))
            self.notices[f"do not begin with {wanted}: the model chose a language (--to gives one to all lines)"] += 1
            return self._cut_line(ids)
        [begin] = self.tokenizer.encode([tag(target)], "src") if ids else [[]]
        return [begin + part for part in self._cut_line(ids[len(begin) :])]

    def _cut_line(self, ids: list[int]) -> list[list[int]]:
        """The ids of a line in parts that are short enough, cut before a word, after punctuation if there is some."""
        limit = self.config.max_source_length
        if len(ids) <= limit:
            return [ids] if ids else []
        self.notices["were too long and were translated in parts"] += 1
        starts = self.tokenizer.word_starts(ids, "src")
        stops = [piece[-1] in ".!?;:,。！？；：，" for piece in self.tokenizer.pieces(ids, "src")]
        parts = []
        while len(ids) > limit:
            words = [i for i in range(limit // 2, limit + 1) if starts[i]]
            at = max((i for i in words if stops[i - 1]), default=max(words, default=limit))
            parts.append(ids[:at])
            ids, starts, stops = ids[at:], starts[at:], stops[at:]
        return [*parts, ids]

    def _join(self, parts: list[list[Hypothesis]], owners: list[range]) -> list[list[Translation]]:
        """The translations of each line from those of its parts; a part with fewer hypotheses than others repeats its last."""
        texts = self.tokenizer.decode([h.ids for hypotheses in parts for h in hypotheses], "tgt")
        all_texts = iter(texts)
        found = [[Translation(next(all_texts), h.score) for h in hypotheses] for hypotheses in parts]
        return [_joined([found[i] for i in owner]) for owner in owners]


def _joined(parts: list[list[Translation]]) -> list[Translation]:
    if len(parts) == 1:
        return parts[0]
    count = max(map(len, parts), default=1)
    ranks = [[part[min(rank, len(part) - 1)] for part in parts] for rank in range(count)]
    return [Translation(" ".join(each.text for each in rank if each.text), sum(each.score for each in rank)) for rank in ranks]


def load_engine(
    package: ModelPackage, tokenizer: Tokenizer, config: DecodingConfig, engine: str, device: str, precision: str, threads: int
) -> Engine:
    """The engine that was asked for; `auto` is ctranslate2 where it can do what is asked."""
    for name, value, known in (("engine", engine, ENGINES), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise UsageError(f"--{name} cannot be {value}: choose one of {', '.join(known)}")
    obstacle = "" if engine == "torch" else _why_not_ctranslate2(package, config, precision)
    if engine == "ctranslate2" and obstacle:
        raise UsageError(f"--engine ctranslate2: {obstacle}")
    if engine != "torch" and not obstacle:
        from mtcli.engines.ctranslate2_engine import CTranslate2Engine

        tgt = tokenizer.vocabulary("tgt")
        src = tgt if tokenizer.sizes.shared else tokenizer.vocabulary("src")
        return CTranslate2Engine(package.folder / CT2, src, tgt, device, threads)
    return _torch_engine(package, tokenizer, device, precision, threads)


def _why_not_ctranslate2(package: ModelPackage, config: DecodingConfig, precision: str) -> str:
    """What keeps ctranslate2 from doing what is asked; nothing if it can."""
    from mtcli.engines.ctranslate2_engine import quantization

    if package.config.model.architecture != "transformer":
        return "it holds Transformers only, and this is an RNN"
    if not (package.folder / CT2).exists():
        return f"{package.folder} has no {CT2}/: `mtcli export -m {package.folder} --to ctranslate2` writes it"
    if config.longest > package.config.decoding.longest:
        return f"it was exported for at most {package.config.decoding.longest} pieces, not {config.longest}"
    if precision == "float32" and (stored := quantization(package.folder / CT2)) != "float32":
        return f"{package.folder / CT2} holds {stored}: `mtcli export --to ctranslate2 --quantization float32` writes float32"
    return ""


def _torch_engine(package: ModelPackage, tokenizer: Tokenizer, device: str, precision: str, threads: int) -> Engine:
    from mtcli.engines.torch_engine import TorchEngine, pick_device
    from mtcli.model import matmul_dtype
    from mtcli.search import Decoder

    where = pick_device(device)
    model = package.load_model(tokenizer.sizes, where)
    decoder = Decoder(model, tokenizer.never_generated(), matmul_dtype(precision, where))
    return TorchEngine(decoder, where, threads if where.type == "cpu" else 0)
