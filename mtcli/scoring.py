"""Corpus scores by sacreBLEU (Post 2018), each with the signature that makes it comparable."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from mtcli.errors import DataError, UsageError
from mtcli.lines import read_lines

METRICS = ("bleu", "chrf", "ter")
Scorer = BLEU | CHRF | TER


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


def score(hyps: list[str], refs: list[list[str]], metrics: tuple[str, ...] = METRICS, detokenized: bool = False) -> list[Score]:
    """Scores of hypotheses against one or several lists of references, each as long as `hyps`.

    sacreBLEU warns of hypotheses that look tokenized, unless they are known to be `detokenized`.
    Raises DataError when a list is empty or of another length, UsageError for a metric that is not one of METRICS.
    """
    scorers = [_scorer(metric, detokenized) for metric in metrics]
    if not hyps:
        raise DataError("there are no hypotheses to score")
    for i, ref in enumerate(refs, 1):
        if len(ref) != len(hyps):
            raise DataError(f"{len(hyps)} hypotheses but {len(ref)} lines in reference {i}")
    return [_score(scorer, hyps, refs) for scorer in scorers]


def _scorer(metric: str, detokenized: bool = False) -> Scorer:
    match metric:
        case "bleu":
            return BLEU(force=detokenized)
        case "chrf":
            return CHRF()
        case "ter":
            return TER()
    raise UsageError(f"unknown metric {metric}: choose one of {', '.join(METRICS)}")


def _score(scorer: Scorer, hyps: list[str], refs: list[list[str]]) -> Score:
    result = scorer.corpus_score(hyps, refs)
    return Score(result.name, result.score, scorer.get_signature().format(), getattr(result, "_verbose", ""))


def score_files(hyp: str, refs: list[str], metrics: tuple[str, ...] = METRICS) -> list[Score]:
    """As `score`, for text files; `-` is standard input. Raises DataError that names both counts when lengths differ."""
    for metric in metrics:
        _scorer(metric)  # a metric that does not exist is told before all of the input is waited for
    hyps = read_lines(hyp)
    references = []
    for name in refs:
        reference = read_lines(name)
        if len(reference) != len(hyps):
            source = "standard input" if hyp == "-" else hyp
            raise DataError(f"{source} has {len(hyps)} lines but {name} has {len(reference)}: each line needs its reference")
        references.append(reference)
    return score(hyps, references, metrics)


def to_json(scores: list[Score]) -> str:
    """A JSON list with name, value, signature and verbose of each score."""
    return json.dumps([dataclasses.asdict(each) for each in scores], indent=1, ensure_ascii=False)
