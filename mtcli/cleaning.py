"""A corpus looked through line by line: what is fit to learn from is kept, and of the rest is said why not."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from mmap import mmap
from pathlib import Path

from mtcli.config import languages_named, languages_of
from mtcli.corpora import read_held
from mtcli.data.guards import Held
from mtcli.data.lexicon import misfit
from mtcli.data.reservoir import Reservoir
from mtcli.data.rules import RULES, Learned, Rule, key, learn
from mtcli.data.seen import Seen
from mtcli.errors import UsageError
from mtcli.files import check_files
from mtcli.identify import margins
from mtcli.lines import BLANKS, LineWriter, as_text, open_output, pair_blocks
from mtcli.tables import table
from mtcli.tokenizer import normalise
from mtcli.workers import cores, in_order

log = logging.getLogger("mtcli")

Pairs = list[tuple[str, str]]
Reason = tuple[str, str]
"""A rule, and how it is broken."""
Verdict = tuple[Pairs, list[Reason | None]]

SAMPLE = 100_000
"""Pairs from which is learned what is usual in the corpus."""
SLOTS = 1 << 24
"""Places in which lines are counted; so few share one by chance that it does no harm."""
OF_CORPUS = (
    Rule("overlap", 0, "no side stands in a held-out set", lambda *_: ""),
    Rule("duplicates", 0, "no pair stands there before", lambda *_: ""),
    Rule("near", 0, "nor one with the same letters in a row", lambda *_: ""),
    Rule("boilerplate", 30, "no side stands there more often", lambda *_: ""),
)
"""What is not seen in one pair alone; all but the last can only be on or off."""
ALL = (*RULES, *OF_CORPUS)
SWITCHES = {"empty", *(rule.name for rule in OF_CORPUS[:-1])}
"""Rules without a limit."""


@dataclass(frozen=True)
class CleanRequest:
    """What is to be cleaned and how."""

    src: list[str]
    tgt: list[str]
    out_src: str
    out_tgt: str
    explain: str = ""
    """File for what is dropped; empty for none."""
    rules: list[str] = field(default_factory=list)
    """`NAME=LIMIT` and `NAME=off`."""
    repair: bool = False
    langs: str = ""
    """Such as `de-en`; empty where the names of the files tell."""
    held_src: list[str] = field(default_factory=list)
    held_tgt: list[str] = field(default_factory=list)
    """Held-out text that must not be trained on."""


@dataclass(frozen=True)
class Cleaned:
    """How many pairs there were, and what became of them."""

    pairs: int
    kept: int
    repaired: int
    """Pairs that were changed."""
    dropped: dict[str, int]
    """By rule, in the order in which they are looked at."""


def limits_of(rules: list[str]) -> dict[str, float]:
    """The limit of each rule that is on. Raises UsageError for one that does not exist."""
    limits: dict[str, float | None] = {rule.name: rule.limit for rule in ALL}
    for setting in rules:
        name, _, value = setting.partition("=")
        if name not in limits:
            raise UsageError(f"--rule {setting}: there is no such rule: choose one of {', '.join(limits)}")
        if name in SWITCHES and value != "off":
            raise UsageError(f"--rule {setting}: it has no limit: write {name}=off")
        try:
            limits[name] = None if value == "off" else float(value)
        except ValueError:
            limits[name] = math.nan
        if not 0 <= (limits[name] or 0) < math.inf:
            raise UsageError(f"--rule {setting}: write {name}=off or {name}=NUMBER, which is not negative")
    return {name: limit for name, limit in limits.items() if limit is not None}


def clean(request: CleanRequest) -> Cleaned:
    """Write the pairs that keep all rules, in order. Nothing is written when anything goes wrong."""
    limits = limits_of(request.rules)
    sources = [*request.src, *request.tgt]
    if any(name == "-" or Path(name).is_fifo() for name in sources):
        raise UsageError("the text is read twice: give files, no standard input and no pipe")
    outputs = [request.out_src, request.out_tgt, *filter(None, [request.explain])]
    if len({os.path.realpath("/dev/stdout" if name == "-" else name) for name in outputs}) < len(outputs):
        raise UsageError("--out-src, --out-tgt and --explain are files of their own")
    check_files([*sources, *request.held_src, *request.held_tgt], outputs)
    mend = _mender() if request.repair else None
    sample = _sample(request, mend)
    src_language, tgt_language = _languages(request)
    if "alignment" in limits and (share := misfit(sample)) is not None:
        log.warning(
            "by their words, lines of other pairs fit as well in %.0f %% of all cases: do the lines stand in the same order?",
            100 * share,
        )
    learned = learn(sample, (margins(src_language), margins(tgt_language)), "alignment" in limits)
    judge = _Judge(limits, learned, read_held(request.held_src, request.held_tgt), mend)
    memory = _Memory(limits)
    kept = repaired = total = 0
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(open_output(path)) for path in outputs]
        blocks = pair_blocks(request.src, request.tgt)
        for (file, line, raw), (pairs, why) in in_order(lambda block: judge.look(block[2]), blocks, cores()):
            memory.look(pairs, why)
            chosen = [pair for pair, reason in zip(pairs, why, strict=True) if not reason]
            for writer, side in zip(writers[:2], (0, 1), strict=True):
                writer.write([pair[side].translate(BLANKS) for pair in chosen])
            if request.explain:
                _explain(writers[2], file, line, pairs, why)
            total += len(raw)
            kept += len(chosen)
            repaired += sum(before != after for before, after in zip(raw, pairs, strict=True))
    return Cleaned(total, kept, repaired, {name: memory.dropped[name] for name in limits})


def _explain(writer: LineWriter, file: str, first: int, pairs: Pairs, why: list[Reason | None]) -> None:
    lines = [
        "\t".join(normalise(cell) for cell in (f"{as_text(file)}:{number}", *reason, src, tgt))
        for number, ((src, tgt), reason) in enumerate(zip(pairs, why, strict=True), first)
        if reason
    ]
    writer.write(lines)


def _sample(request: CleanRequest, mend: Callable[[str], str] | None) -> Pairs:
    sample = Reservoir(SAMPLE)
    for _, _, pairs in pair_blocks(request.src, request.tgt):
        sample.add(pairs)
    return [(mend(src), mend(tgt)) for src, tgt in sample.chosen] if mend else sample.chosen


def _languages(request: CleanRequest) -> tuple[str, str]:
    languages = languages_named(request.langs) if request.langs else languages_of(request.src[0], request.tgt[0])
    if not (languages.src and languages.tgt):
        log.warning("the names of the files do not tell the languages: without --langs, lines in other languages are not found")
    return languages.src, languages.tgt


class _Judge:
    """What can be said of a pair that stands alone."""

    def __init__(self, limits: dict[str, float], learned: Learned, held: Held, mend: Callable[[str], str] | None) -> None:
        self._learned, self._mend = learned, mend
        self._held = held if "overlap" in limits else Held([])
        self._rules = [(rule, limits[rule.name]) for rule in RULES if rule.name in limits]

    def look(self, pairs: Pairs) -> Verdict:
        """The pairs, repaired if that is asked for, and for each the rule that it breaks, and how, or None."""
        mended = [(self._mend(src), self._mend(tgt)) for src, tgt in pairs] if self._mend else pairs
        return mended, [self._broken(*pair) for pair in mended]

    def _broken(self, src: str, tgt: str) -> Reason | None:
        for rule, limit in self._rules:
            if reason := rule.broken(src, tgt, limit, self._learned):
                return rule.name, reason
        if self._held and (normalise(src), normalise(tgt)) in self._held:
            return "overlap", "a side stands in a held-out set"
        return None


class _Memory:
    """What is known of the pairs that were there before."""

    def __init__(self, limits: dict[str, float]) -> None:
        self.dropped: Counter[str] = Counter()
        self._limits = limits
        self._exact, self._near = Seen(), Seen()
        # zeros that take memory as they are used
        self._counts = [memoryview(mmap(-1, 2 * SLOTS)).cast("H") for _ in range(2)] if "boilerplate" in limits else []

    def look(self, pairs: Pairs, why: list[Reason | None]) -> None:
        """Fill in a reason for those of the pairs that still have none and stand there too often."""
        left = [i for i, reason in enumerate(why) if not reason]
        keys = {i: (key(pairs[i][0]), key(pairs[i][1])) for i in left}
        for name, seen, of_pair in (("duplicates", self._exact, pairs), ("near", self._near, keys)):
            if name in self._limits and left:
                new = seen.add("\n".join(line.strip() for line in of_pair[i]) for i in left)
                for i in (i for i, fresh in zip(left, new, strict=True) if not fresh):
                    why[i] = (name, "stands there already")
                left = [i for i in left if not why[i]]
        if "boilerplate" in self._limits:
            for i in left:
                why[i] = self._common(*keys[i])
        self.dropped.update(reason[0] for reason in why if reason)

    def _common(self, *keys: str) -> Reason | None:
        often = 0
        for counts, line in zip(self._counts, keys, strict=True):
            place = int.from_bytes(blake2b(line.encode(errors="surrogatepass"), digest_size=4).digest()) % SLOTS
            counts[place] = min(counts[place] + 1, 65535)
            often = max(often, counts[place])
        return ("boilerplate", f"a side stands there for the {often}th time") if often > self._limits["boilerplate"] else None


def _mender() -> Callable[[str], str]:
    """Repair of one line by ftfy (Speer 2019): wrong decoding, entities, NFC, odd blanks, control characters."""
    from ftfy import TextFixerConfig, fix_text

    config = TextFixerConfig(unescape_html=True, uncurl_quotes=False, fix_latin_ligatures=True, explain=False)
    return lambda line: normalise(fix_text(line, config))


def cleaned_table(found: Cleaned) -> str:
    """The counts for people; they add up to the number of pairs."""
    rows = [("pairs", found.pairs), ("kept", found.kept), *found.dropped.items()]
    widest = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(widest)}  {count:>11,}  {100 * count / found.pairs:6.2f} %" for name, count in rows]
    changed = [f"\n{found.repaired:,} pairs were repaired"] if found.repaired else []
    return "\n".join([*lines[:2], "", "dropped", *lines[2:], *changed])


def rules_table() -> str:
    """Name, limit and meaning of all rules."""
    rows = [(rule.name, "" if rule.name in SWITCHES else f"{rule.limit:g}", rule.says) for rule in ALL]
    return table([["rule", "limit", "a pair is kept when"], *map(list, rows)], "text")
