"""`mtcli score`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mtcli.cli.options import Debug, Json, Quiet, say, set_up
from mtcli.errors import UsageError

if TYPE_CHECKING:
    from mtcli.assess import Assessment

EXAMPLES = "Example: mtcli translate -m de-en < test.de | mtcli score test.en"


def score(
    refs: Annotated[list[str] | None, typer.Argument(metavar="REF...", help="Reference translations, plain or .gz.")] = None,
    hyp: Annotated[
        str, typer.Option("-i", "--input", metavar="HYP", help="Translations to score; - is standard input.  [default: -]")
    ] = "",
    compare: Annotated[
        list[str] | None, typer.Option(metavar="HYP", help="Translations of another system; may be given several times.")
    ] = None,
    model: Annotated[
        str, typer.Option("-m", "--model", metavar="MODEL", help="Translate --src with this package, and score what it gives.")
    ] = "",
    src: Annotated[str, typer.Option(metavar="FILE", help="Source text, plain or .gz.")] = "",
    test_set: Annotated[
        str, typer.Option(metavar="NAME", help="Source and references that sacreBLEU knows, such as wmt14; with --langs.")
    ] = "",
    langs: Annotated[str, typer.Option(metavar="SRC-TGT", help="Such as de-en: how BLEU tokenises, what -m translates to.")] = "",
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the test set, or the tokenizer of BLEU, when it is not on disk.")
    ] = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:OPTION=VALUE,...]",
            help="bleu, chrf, chrf++ or ter, with options of sacreBLEU: bleu:tokenize=zh,lowercase; comet, by the program"
            " comet-score; confidence, of the model of -m; may be given several times.  [default: bleu, chrf and ter]",
        ),
    ] = None,
    test: Annotated[
        str, typer.Option(metavar="bs|ar", help="How differences are tested: paired bootstrap or approximate randomisation.")
    ] = "bs",
    samples: Annotated[int, typer.Option(min=0, max=100_000, help="Samples of the test; 0 takes 1,000 of bs, 10,000 of ar.")] = 0,
    details: Annotated[
        bool, typer.Option("--details", help="Show what lies behind: lengths, rare words, n-grams, faults, sentences.")
    ] = False,
    report: Annotated[str, typer.Option(metavar="FILE", help="Write the same as a page for a browser.")] = "",
    train_tgt: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Text that says how rare a word is; may be given several times.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", metavar="text|markdown|tsv|json", help="What is printed.")] = "text",
    json: Json = False,
    bare: Annotated[bool, typer.Option("-b", "--bare", help="Print the numbers alone.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score translations against references. BLEU, chrF and TER are computed by sacreBLEU and carry their signatures."""
    set_up(quiet)
    from mtcli.assess import ScoreRequest, assess
    from mtcli.scoring import METRICS
    from mtcli.tables import FORMS

    form = "bare" if bare else "json" if json else format_
    if form not in FORMS:
        raise UsageError(f"--format cannot be {form}: choose one of text, markdown, tsv, json")
    if json and format_ not in ("text", "json"):
        raise UsageError(f"--json and --format {format_} are two forms: give one of the two")
    if bare and details:
        raise UsageError("-b prints numbers alone, and --details much else: give one of the two")
    found = assess(
        ScoreRequest(
            refs or [],
            hyp,
            compare or [],
            model,
            src,
            tuple(metric) if metric else METRICS,
            test,
            samples,
            test_set,
            langs,
            download,
            details or bool(report),
            train_tgt or [],
            report,
        )
    )
    say(_rendered(found, form, details))
    if report:
        from mtcli.findings import write_findings

        write_findings(report, found)


def _rendered(found: Assessment, form: str, details: bool) -> str:
    from mtcli.tables import as_json, compared, scored

    if form == "json":
        values = found.compared or found.scores
        return as_json({"scores": values, "analysis": found.analysis} if details else values)
    text = compared(found.compared, form) if found.compared else scored(found.scores, form)
    if not details or not found.analysis:
        return text
    from mtcli.details import analysed

    coloured = form == "text" and sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"{text}\n\n{analysed(found.analysis, form, coloured)}"
