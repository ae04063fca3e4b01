"""`mtcli score`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, Json, Quiet, say, set_up
from mtcli.errors import UsageError

EXAMPLES = "Example: mtcli translate -m de-en < test.de | mtcli score test.en"


def score(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Reference translations, plain or .gz.")],
    hyp: Annotated[str, typer.Option("-i", "--input", metavar="HYP", help="Translations to score; - is standard input.")] = "-",
    compare: Annotated[
        list[str] | None, typer.Option(metavar="HYP", help="Translations of another system; may be given several times.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:OPTION=VALUE,...]",
            help="bleu, chrf, chrf++ or ter, with options of sacreBLEU: bleu:tokenize=zh,lowercase; may be given several times."
            "  [default: bleu, chrf and ter]",
        ),
    ] = None,
    test: Annotated[
        str, typer.Option(metavar="bs|ar", help="How differences are tested: paired bootstrap or approximate randomisation.")
    ] = "bs",
    samples: Annotated[int, typer.Option(min=0, help="Samples of the test; 0 takes 1,000 of bs, 10,000 of ar.")] = 0,
    format_: Annotated[str, typer.Option("--format", metavar="text|markdown|tsv|json", help="What is printed.")] = "text",
    json: Json = False,
    bare: Annotated[bool, typer.Option("-b", "--bare", help="Print the numbers alone.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score translations against references. BLEU, chrF and TER are computed by sacreBLEU and carry their signatures."""
    set_up(quiet)
    from mtcli.scoring import METRICS, compare_files, score_files
    from mtcli.tables import FORMS, compared, scored

    form = "bare" if bare else "json" if json else format_
    if form not in FORMS:
        raise UsageError(f"--format cannot be {form}: choose one of text, markdown, tsv, json")
    metrics = tuple(metric) if metric else METRICS
    if compare:
        say(compared(compare_files([hyp, *compare], refs, metrics, test, samples), form))
    else:
        say(scored(score_files(hyp, refs, metrics), form))
