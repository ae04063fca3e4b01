"""Text to text with one model package."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from dataclasses import dataclass

import torch

from mtcli.config import DecodingConfig
from mtcli.data.batches import cut
from mtcli.errors import UsageError, out_of_memory
from mtcli.model import EncoderDecoder
from mtcli.package import open_package
from mtcli.search import Hypothesis, search
from mtcli.tags import tag, target_of
from mtcli.tokenizer import Tokenizer

log = logging.getLogger("mtcli")


@dataclass(frozen=True)
class Translation:
    """One of the translations of one line."""

    text: str
    score: float
    """As in search.Hypothesis; the sum over the parts of a line that was cut."""


class Translator:
    """Translates lists of lines. The k-th result belongs to the k-th line."""

    def __init__(
        self,
        model: EncoderDecoder,
        tokenizer: Tokenizer,
        config: DecodingConfig,
        device: torch.device,
        targets: tuple[str, ...] = (),
    ) -> None:
        """`targets` are the languages that each line must choose one of, when there are several."""
        self.model, self.tokenizer, self.config, self.device, self.targets = model, tokenizer, config, device, targets
        self.never = tokenizer.never_generated()
        self.notices: Counter[str] = Counter()
        """How many lines so far needed something that a user may want to know."""

    @classmethod
    def load(cls, name: str, device: str = "auto", **decoding: float) -> Translator:
        """The translator in a model package; `decoding` replaces values of its `[decoding]`, such as `beam_size=1`.

        Raises PackageError when the package is missing or damaged.
        """
        package = open_package(name)
        config = dataclasses.replace(package.config.decoding, **decoding)  # type: ignore[arg-type]
        where = pick_device(device)
        tokenizer = package.tokenizer()
        model = package.load_model(tokenizer.sizes, where)
        return cls(model, tokenizer, config, where, package.config.languages.targets)

    def translate(self, lines: list[str]) -> list[str]:
        """The best translation of each line; a line without text gives an empty one."""
        return [hypotheses[0].text for hypotheses in self.translate_n_best(lines)]

    def translate_n_best(self, lines: list[str]) -> list[list[Translation]]:
        """The `n_best` best translations of each line, best first; a single empty one for a line without text."""
        parts: list[list[int]] = []
        owners: list[range] = []
        for line, ids in zip(lines, self.tokenizer.encode(lines, "src"), strict=True):
            pieces = self._cut_tagged(line, ids) if self.targets else self._cut_line(ids)
            owners.append(range(len(parts), len(parts) + len(pieces)))
            parts += pieces
        found = self._search_all(parts)
        return [self._join([found[i] for i in owner]) for owner in owners]

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

    def _search_all(self, parts: list[list[int]]) -> list[list[Hypothesis]]:
        found: list[list[Hypothesis]] = [[] for _ in parts]
        lengths = [(len(ids) + 1) * self.config.beam_size for ids in parts]
        longest_first = sorted(range(len(parts)), key=lambda i: -lengths[i])
        for indices in cut(longest_first, lengths, self.config.batch_tokens):
            for i, hypotheses in zip(indices, self._search([parts[i] for i in indices]), strict=True):
                found[i] = hypotheses
        return found

    def _search(self, batch: list[list[int]]) -> list[list[Hypothesis]]:
        """Search; when memory runs out, in two halves."""
        try:
            return search(self.model, batch, self.config, self.never, self.device)
        except (MemoryError, RuntimeError) as error:
            if len(batch) == 1 or not out_of_memory(error):
                raise
        log.warning("out of memory with %d sentences at once: trying half as many", len(batch))
        half = len(batch) // 2
        self.config = dataclasses.replace(self.config, batch_tokens=max(1, self.config.batch_tokens // 2))
        return self._search(batch[:half]) + self._search(batch[half:])

    def _join(self, parts: list[list[Hypothesis]]) -> list[Translation]:
        """The translations of a line from those of its parts; a part with fewer hypotheses than others repeats its last."""
        if not parts:
            return [Translation("", 0.0)]
        count = max(map(len, parts))
        chosen = [[part[min(rank, len(part) - 1)] for part in parts] for rank in range(count)]
        texts = self.tokenizer.decode([h.ids for line in chosen for h in line], "tgt")
        width = len(parts)
        return [
            Translation(" ".join(filter(None, texts[rank * width : (rank + 1) * width])), sum(h.score for h in line))
            for rank, line in enumerate(chosen)
        ]


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU when there is one. Raises UsageError when there is no such device."""
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device cannot be {name}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no GPU is at hand, or this torch was built without CUDA")
    return torch.device("cuda" if torch.cuda.is_available() and name != "cpu" else "cpu")
