"""What `mtcli score` does: translations, wherever they come from, beside references, wherever these are."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU

from mtcli.config import languages_named
from mtcli.errors import UsageError
from mtcli.files import check_files, check_page
from mtcli.lines import check_readable, each_line, source_name
from mtcli.scoring import (
    METRICS,
    Compared,
    Score,
    System,
    bleu_for,
    check_length,
    check_test,
    compare,
    read_text,
    score,
    scorer,
    tokenizer_for,
)

if TYPE_CHECKING:
    from mtcli.analysis import Analysis

log = logging.getLogger("mtcli")


@dataclass(frozen=True)
class ScoreRequest:
    """What is scored and how."""

    refs: list[str]
    """Files of references."""
    hyp: str = ""
    """File of translations; empty for standard input, or for what `model` makes of `src`."""
    compare: list[str] = field(default_factory=list)
    """Files with translations of further systems."""
    model: str = ""
    src: str = ""
    metrics: tuple[str, ...] = METRICS
    test: str = "bs"
    samples: int = 0
    test_set: str = ""
    """One of sacreBLEU's, in place of `refs` and `src`."""
    langs: str = ""
    """Such as `de-en`: how BLEU tokenises, and what a model of several languages translates to."""
    download: bool = False
    analysed: bool = False
    train: list[str] = field(default_factory=list)
    """Files of text in the target language that word frequencies are counted in."""
    report: str = ""
    """Where what is found will be written; no file that is read."""


@dataclass(frozen=True)
class Assessment:
    """What was found."""

    systems: list[str]
    scores: list[Score]
    """Of the only system."""
    compared: list[Compared]
    """Of several."""
    analysis: Analysis | None


def assess(request: ScoreRequest) -> Assessment:
    """Score one or several systems. What can be told before translations are read or made, is: UsageError and DataError."""
    if request.train and not request.analysed:
        raise UsageError("--train-tgt tells how rare words are in what --details and --report show: give one of the two")
    check_test(request.test)
    src_file, ref_files = _files(request)
    hyp = request.hyp or ("" if request.model else "-")
    check_files([src_file, *ref_files, hyp, *request.compare, *request.train], [request.report])
    check_page(request.report)
    for name in request.train:
        if name != "-" and not os.access(name, os.R_OK):  # a pipe is not to be opened twice
            check_readable(name)
    refs = [read_text(ref_files[0])]
    wanted = len(refs[0])
    refs += [read_text(name, wanted) for name in ref_files[1:]]
    src = read_text(src_file, wanted) if src_file else []
    metrics = [_metric(name, request, src, len(refs)) for name in request.metrics]
    _warn_of_tokenizer(metrics, refs[0])
    first = _first(request, src, wanted)
    systems = [first, *((source_name(name), read_text(name, wanted)) for name in request.compare)]
    for name, lines in [*zip(ref_files, refs, strict=True), *([(src_file, src)] if src else [])]:
        check_length(first, name, lines)
    compared = compare(systems, refs, metrics, request.test, request.samples) if request.compare else []
    scores = [] if request.compare else score(list(first[1]), refs, metrics)
    analysis = _analysis(request, systems, refs, src, metrics) if request.analysed else None
    return Assessment([name for name, _ in systems], scores, compared, analysis)


def _analysis(
    request: ScoreRequest, systems: list[System], refs: list[list[str]], src: list[str], metrics: list[Metric]
) -> Analysis:
    """With words as the first BLEU that is asked for has them, else as the references do."""
    from mtcli.analysis import TestSet, analyse  # it takes as long to load as 1,000 lines to score

    bleu = next((metric for metric in metrics if isinstance(metric, BLEU)), None) or bleu_for(refs[0])
    return analyse(TestSet(systems, refs, src, bleu), (line for name in request.train for line in each_line(name)))


def _files(request: ScoreRequest) -> tuple[str, list[str]]:
    """The source file, if there is one, and the files of references."""
    if request.test_set:
        from mtcli.testsets import find

        if request.refs or request.src:
            raise UsageError("--test-set has source and references: leave out --src and REF")
        return find(request.test_set, request.langs, request.download)
    if not request.refs:
        raise UsageError("there is nothing to score against: give reference files, or --test-set NAME --langs SRC-TGT")
    if request.model and not request.src:
        raise UsageError("-m translates the text of --src, which is then scored: give both")
    return request.src, request.refs


def _target(request: ScoreRequest) -> str:
    return languages_named(request.langs).tgt if request.langs else ""


def _warn_of_tokenizer(metrics: list[Metric], ref: list[str]) -> None:
    better = tokenizer_for(ref)
    if better != "13a" and any(isinstance(metric, BLEU) and metric.tokenizer_signature == "13a" for metric in metrics):
        log.warning("BLEU finds few words where no blanks stand between them: give --metric bleu:tokenize=%s", better)


def _metric(name: str, request: ScoreRequest, src: list[str], refs: int) -> Metric:
    kind, _, settings = name.partition(":")
    if kind not in ("comet", "confidence"):
        return scorer(name, _target(request), request.download)
    if not src:
        raise UsageError(f"--metric {kind} looks at the source, too: give --src FILE")
    if kind == "comet":
        from mtcli.judges import comet

        if refs > 1:
            raise UsageError("--metric comet knows one reference: give it alone")
        key, _, model = settings.partition("=")
        if settings and (key != "model" or not model):
            raise UsageError(f"--metric {name}: comet has one option: comet:model=NAME")
        return comet(src, model)
    if settings or not request.model:
        raise UsageError("--metric confidence is that of the model of -m: give -m MODEL, and no options")
    from mtcli.evaluation import confidence

    return confidence(request.model, src, _target(request))


def _first(request: ScoreRequest, src: list[str], wanted: int) -> System:
    if request.model and not request.hyp:
        from mtcli.evaluation import translated

        return translated(request.model, src, _target(request))
    if request.model and not any(name.startswith("confidence") for name in request.metrics):
        raise UsageError("-i are translations, and -m would make some: give one of the two, or --metric confidence")
    return source_name(request.hyp or "-"), read_text(request.hyp or "-", wanted)
