"""What `mtcli score` does: translations, wherever they come from, beside references, wherever these are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU

from mtcli.config import languages_named
from mtcli.errors import UsageError
from mtcli.files import check_files
from mtcli.lines import read_lines, source_name
from mtcli.scoring import (
    METRICS,
    Compared,
    Score,
    System,
    check_length,
    check_test,
    compare,
    read_text,
    score,
    scorer,
)

if TYPE_CHECKING:
    from mtcli.analysis import Analysis


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
    """Such as `de-en`."""
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
    refs = [read_text(ref_files[0])]
    wanted = len(refs[0])
    refs += [read_text(name, wanted) for name in ref_files[1:]]
    src = read_text(src_file, wanted) if src_file else []
    metrics = [_metric(name, request, src) for name in request.metrics]
    first = _first(request, src_file, wanted)
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
    """With words as the first BLEU that is asked for has them."""
    from mtcli.analysis import TestSet, analyse  # it takes as long to load as 1,000 lines to score

    test = TestSet(systems, refs, src)
    for metric in metrics:
        if isinstance(metric, BLEU):
            test = replace(test, bleu=metric)
            break
    return analyse(test, (line for name in request.train for line in read_lines(name)))


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


def _metric(name: str, request: ScoreRequest, src: list[str]) -> Metric:
    kind, _, settings = name.partition(":")
    if kind not in ("comet", "confidence"):
        return scorer(name, False, languages_named(request.langs).tgt if request.langs else "", request.download)
    if not src:
        raise UsageError(f"--metric {kind} looks at the source, too: give --src FILE")
    if kind == "comet":
        from mtcli.judges import comet

        key, _, model = settings.partition("=")
        if settings and (key != "model" or not model):
            raise UsageError(f"--metric {name}: comet has one option: comet:model=NAME")
        return comet(src, model)
    if settings or not request.model:
        raise UsageError("--metric confidence is that of the model of -m: give -m MODEL, and no options")
    from mtcli.evaluation import confidence

    return confidence(request.model, src)


def _first(request: ScoreRequest, src_file: str, wanted: int) -> System:
    if request.model and not request.hyp:
        from mtcli.evaluation import translated

        return translated(request.model, src_file)
    if request.model and not any(name.startswith("confidence") for name in request.metrics):
        raise UsageError("-i are translations, and -m would make some: give one of the two, or --metric confidence")
    return source_name(request.hyp or "-"), read_text(request.hyp or "-", wanted)
