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
    model: Annotated[
        str, typer.Option("-m", "--model", metavar="MODEL", help="Translate --src with this package, and score what it gives.")
    ] = "",
    src: Annotated[str, typer.Option(metavar="FILE", help="Source text, plain or .gz, for -m.")] = "",
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
    from mtcli.scoring import METRICS, check_metrics, read_system, score_system
    from mtcli.scoring import compare as compare_systems
    from mtcli.tables import FORMS, compared, scored

    form = "bare" if bare else "json" if json else format_
    if form not in FORMS:
        raise UsageError(f"--format cannot be {form}: choose one of text, markdown, tsv, json")
    if bool(model) != bool(src) or (model and hyp != "-"):
        raise UsageError("-m translates the text of --src, which is then scored: give both, and no -i")
    metrics = tuple(metric) if metric else METRICS
    check_metrics(metrics)
    first = _translated(model, src) if model else read_system(hyp)
    if compare:
        say(compared(compare_systems([first, *map(read_system, compare)], refs, metrics, test, samples), form))
    else:
        say(scored(score_system(first, refs, metrics), form))


def _translated(model: str, src: str) -> tuple[str, list[str]]:
    from mtcli.evaluation import translated

    return translated(model, src)
