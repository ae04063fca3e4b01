"""Corpus scores by sacreBLEU (Post 2018), each with the signature that makes it comparable."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from mtcli.errors import DataError, UsageError
from mtcli.lines import LineReader
from mtcli.words import UNSPACED

log = logging.getLogger("mtcli")

METRICS = ("bleu", "chrf", "ter")
LONG_FOR_TER = 1_000
"""Words of a line; its time grows with their square."""
TOO_MANY = 1_000
"""Lines beyond those that are wanted after which a text is read no further: it may never end."""
Wanted = str | Metric
"""A metric by its name with options, such as `bleu:tokenize=zh,lowercase` and `chrf++`, or one that is ready."""
System = tuple[str, Sequence[str]]
"""Name and hypotheses."""


@dataclass(frozen=True)
class Score:
    """One number for a whole test set."""

    name: str
    """`BLEU`, `chrF2` or `TER`, as sacreBLEU writes it."""
    value: float
    """0 to 100; higher is better, but for TER lower is."""
    signature: str
    """Every choice that changes the number."""
    verbose: str
    """What lies behind the number: n-gram precisions, brevity penalty, lengths; empty for metrics without more to say."""

    def __str__(self) -> str:
        """One line, as sacreBLEU writes it."""
        return f"{self.name}|{self.signature} = {self.value:.2f}" + (f" {self.verbose}" if self.verbose else "")


def score(hyps: list[str], refs: list[list[str]], metrics: Sequence[Wanted] = METRICS) -> list[Score]:
    """Scores of hypotheses against one or several lists of references, each as long as `hyps`.

    Raises DataError when a list is empty or of another length, UsageError for a metric or an option of one that does not exist.
    """
    scorers = [scorer(metric) for metric in metrics]
    if any(isinstance(each, TER) for each in scorers) and max(line.count(" ") for line in [*hyps, ""]) > LONG_FOR_TER:
        log.warning("some lines have more than %d words: TER takes minutes for them", LONG_FOR_TER)
    if not hyps:
        raise DataError("there are no hypotheses to score")
    for i, ref in enumerate(refs, 1):
        if len(ref) != len(hyps):
            raise DataError(f"{len(hyps)} hypotheses but {len(ref)} lines in reference {i}")
    return [_score(scorer, hyps, refs) for scorer in scorers]


def bleu_and_chrf(hyps: list[str], ref: list[str]) -> tuple[Score, Score]:
    """What is kept of a model's own translations, which are not tokenized."""
    bleu, chrf = score(hyps, [ref], (bleu_for(ref), "chrf"))
    return bleu, chrf


def bleu_for(ref: Sequence[str]) -> BLEU:
    """BLEU with words as the reference has them, whatever its language is called."""
    return BLEU(force=True, tokenize=tokenizer_for(ref))


_UNSPACED, _HAN = re.compile(f"[{UNSPACED}]"), re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def tokenizer_for(ref: Sequence[str]) -> str:
    """The usual `13a`, or what finds words where a tenth of the letters stand without blanks: `zh` for Chinese, else `char`."""
    text = "".join(ref)
    unspaced = len(_UNSPACED.findall(text))
    if 10 * unspaced <= sum(map(str.isalnum, text)):
        return "13a"
    return "zh" if len(_HAN.findall(text)) > 0.9 * unspaced else "char"  # Japanese is half kana


OPTIONS: dict[str, dict[str, type]] = {
    "bleu": {"lowercase": bool, "tokenize": str, "smooth_method": str, "smooth_value": float},
    "chrf": {"char_order": int, "word_order": int, "beta": int, "lowercase": bool, "whitespace": bool, "eps_smoothing": bool},
    "ter": {"normalized": bool, "no_punct": bool, "asian_support": bool, "case_sensitive": bool},
}
"""What changes a number, by the names that sacreBLEU has for it in Python."""


def scorer(metric: Wanted, language: str = "", download: bool = False) -> Metric:
    """The metric that is wanted; `language` is that of the references, by which sacreBLEU chooses how to tokenise.

    Raises UsageError when there is none such, DataError when its tokenizer is not on disk and may not be fetched, or cannot be.
    """
    if not isinstance(metric, str):
        return metric
    name, _, settings = metric.replace("chrf++", "chrf:word_order=2,", 1).replace(",:", ",", 1).partition(":")
    if name not in OPTIONS:
        raise UsageError(f"unknown metric {name}: choose one of {', '.join([*METRICS, 'chrf++', 'comet', 'confidence'])}")
    values = dict(_setting(name, each) for each in settings.split(",") if each)
    try:
        match name:
            case "bleu":
                _find_tokenizer(values.get("tokenize", ""), download)
                return BLEU(trg_lang=language, **values)
            case "chrf":
                return CHRF(**values)
            case _:
                return TER(**values)
    except (RuntimeError, ImportError) as error:  # a tokenizer that wants a library
        raise UsageError(f"--metric {metric}: {error}") from error


def _find_tokenizer(name: str, download: bool) -> None:
    """Have sacreBLEU fetch what it tokenises with, if it must."""
    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
    from sacrebleu.utils import SACREBLEU_DIR, download_file

    if name not in SPM_MODELS:
        return
    url = SPM_MODELS[name]["url"]
    file = Path(SACREBLEU_DIR, "models", Path(url).name)
    if file.exists():
        return
    if not download:
        raise DataError(f"tokenize={name} is not on disk: give --download to fetch {url} into {file.parent}")
    try:
        download_file(url, str(file))  # type: ignore[no-untyped-call]
    except (OSError, SystemExit) as error:  # URLError is an OSError; SystemExit is sacreBLEU's word for a failing TLS
        file.unlink(missing_ok=True)
        raise DataError(f"tokenize={name} cannot be fetched from {url}: {error}") from error


def _setting(metric: str, text: str) -> tuple[str, Any]:
    key, _, raw = text.partition("=")
    kind = OPTIONS[metric].get(key)
    if kind is None:
        raise UsageError(f"--metric {metric}: unknown option {key}: choose one of {', '.join(OPTIONS[metric])}")
    known = {"tokenize": BLEU.TOKENIZERS, "smooth_method": BLEU.SMOOTH_DEFAULTS}.get(key)
    if known and raw not in known:
        raise UsageError(f"--metric {metric}: {key} cannot be {raw!r}: choose one of {', '.join(sorted(known))}")
    if kind is bool:
        if raw not in ("", "true", "false"):
            raise UsageError(f"--metric {metric}: {key} cannot be {raw!r}: write {key} or {key}=false")
        return key, raw != "false"
    if kind is str:
        return key, raw
    try:
        value = kind(raw)
    except ValueError:
        raise UsageError(f"--metric {metric}: {key} cannot be {raw!r}: write a number") from None
    least = 1 if key in ("char_order", "beta") else 0
    if not least <= value < 100:
        raise UsageError(f"--metric {metric}: {key} cannot be {raw}: write a number from {least} to 99")
    return key, value


def _score(scorer: Metric, hyps: list[str], refs: list[list[str]]) -> Score:
    result = scorer.corpus_score(hyps, refs)
    return Score(result.name, result.score, scorer.get_signature().format(), getattr(result, "_verbose", ""))


def chrf_of_sentences(hyps: Sequence[str], refs: Sequence[Sequence[str]]) -> list[float]:
    """chrF2 of each hypothesis by itself, against one or several lists of references."""
    chrf = CHRF()
    return [chrf.sentence_score(hyp, of_line).score for hyp, of_line in zip(hyps, zip(*refs, strict=True), strict=True)]


def read_text(name: str, wanted: int | None = None) -> list[str]:
    """Lines that are scored, without a byte order mark; what is odd about them is told.

    Raises DataError when they cannot be read, when there are none, and when there are far more than are `wanted`.
    """
    reader = LineReader(name)
    most = None if wanted is None else wanted + TOO_MANY
    lines = list(islice(reader, most))
    if not lines:
        raise DataError(f"{reader.name}: is empty")
    if len(lines) == most:
        raise DataError(f"{reader.name} has {most} lines and more, but {wanted} are wanted: each line needs its reference")
    if lines[0].startswith("\ufeff"):
        lines[0] = lines[0][1:]
        log.warning("%s: begins with a byte order mark, which is left out", reader.name)
    for count, what in (
        (reader.invalid_lines, "held invalid UTF-8, replaced by U+FFFD"),
        (sum(not line.strip() for line in lines), "are empty"),
        (sum("\r" in line or "\t" in line for line in lines), "hold a CR or TAB, which counts as a blank"),
    ):
        if count:
            log.warning("%s: %d of %d lines %s", reader.name, count, len(lines), what)
    return lines


def check_length(system: System, name: str, lines: Sequence[str]) -> None:
    """Raises DataError that names both counts, and where the lines look shifted, when a system has more lines or fewer."""
    if len(lines) != len(system[1]):
        place = _first_shifted(system[1], lines)
        hint = f"; from line {place} on they look shifted" if place else ""
        raise DataError(
            f"{system[0]} has {len(system[1])} lines but {name} has {len(lines)}: each line needs its reference{hint}"
        )


WINDOW = 5
"""Lines that are looked at together."""


def _first_shifted(hyps: Sequence[str], lines: Sequence[str]) -> int:
    """The first line, counted from 1, from which on lines share more words with the next but so many, or 0 if there is none."""
    shift = len(lines) - len(hyps)
    of_hyps, of_lines = ([set(line.lower().split()) for line in each] for each in (hyps, lines))

    def shared(first: int, second: int) -> float:
        pairs = list(zip(of_hyps[first : first + WINDOW], of_lines[second : second + WINDOW], strict=False))
        return sum(2 * len(a & b) / max(1, len(a) + len(b)) for a, b in pairs) / max(1, len(pairs))

    for i in range(max(0, min(len(hyps), len(lines)) - WINDOW)):
        there = shared(i, i + shift) if i + shift >= 0 else 0
        if there > 0.2 and there > 2 * shared(i, i):
            return next((k + 1 for k in range(i, i + WINDOW) if not of_hyps[k] & of_lines[k]), i + 1)
    return 0


USUAL_SAMPLES = {"bs": 1_000, "ar": 10_000}
"""sacreBLEU's."""
MOST_DRAWN = {"bs": 200_000_000, "ar": 800_000_000}
"""Samples times lines, which sacreBLEU holds all at once: some 80 and 20 bytes each."""


def check_test(test: str) -> None:
    """Raises UsageError when there is no such test."""
    if test not in ("bs", "ar"):
        raise UsageError(f"--test cannot be {test}: choose bs (paired bootstrap) or ar (paired approximate randomisation)")


@dataclass(frozen=True)
class Compared:
    """One metric of several systems, the first of which the others are compared with."""

    name: str
    signature: str
    """With the seed, the test and the number of its samples."""
    systems: list[SystemScore]


@dataclass(frozen=True)
class SystemScore:
    """One system among several."""

    system: str
    value: float
    mean: float | None
    """Mean over bootstrap samples of the test set."""
    interval: float | None
    """Half the width of the 95 % confidence interval around it."""
    p_value: float | None
    """How likely a difference to the first system as large as this one is by chance; None for the first."""


def compare(
    systems: list[System], refs: list[list[str]], metrics: Sequence[Wanted] = METRICS, test: str = "bs", samples: int = 0
) -> list[Compared]:
    """Scores of several systems, and whether they differ from the first by more than chance.

    `test` is `bs`, paired bootstrap resampling (Koehn 2004), or `ar`, paired approximate randomisation (Riezler & Maxwell 2005);
    `samples` 0 takes as many as sacreBLEU does. Raises DataError when lengths differ.
    """
    check_test(test)
    most = MOST_DRAWN[test] // max(1, len(systems[0][1]))
    if samples > most or (not samples and most < USUAL_SAMPLES[test]):
        raise UsageError(f"--samples: so many of {len(systems[0][1]):,} lines want more memory than 16 GB: give at most {most}")
    for name, hyps in systems[1:]:
        check_length(systems[0], name, hyps)
    return [_compare(scorer(metric), systems, refs, test, samples) for metric in metrics]


def _compare(scorer: Metric, systems: list[System], refs: list[list[str]], test: str, samples: int) -> Compared:
    from sacrebleu.significance import PairedTest

    paired = PairedTest(systems, {"it": scorer}, refs, test, samples, n_ar_confidence=0 if test == "ar" else -1)
    signatures, results = paired()
    [(name, signature)] = signatures.items()
    found: list[SystemScore] = []
    for (system, hyps), result in zip(systems, results[name], strict=True):
        same = found and (hyps == systems[0][1] or result.score == found[0].value)  # type: ignore[union-attr]
        chance = 1.0 if same else result.p_value  # type: ignore[union-attr]
        found.append(SystemScore(system, result.score, _number(result.mean), _number(result.ci), _number(chance)))  # type: ignore[union-attr]
    return Compared(name, signature.format(), found)


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
