"""`mtcli score`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, Json, Quiet, say, set_up

EXAMPLES = "Example: mtcli translate -m de-en < test.de | mtcli score test.en"


def score(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Reference translations, plain or .gz.")],
    hyp: Annotated[str, typer.Option("-i", "--input", metavar="HYP", help="Translations to score; - is standard input.")] = "-",
    metric: Annotated[
        list[str] | None, typer.Option(help="bleu, chrf or ter; may be given several times.  [default: all]")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score translations against references. BLEU, chrF and TER are computed by sacreBLEU and carry their signatures."""
    set_up(quiet)
    from mtcli.scoring import METRICS, score_files, to_json

    scores = score_files(hyp, refs, tuple(metric) if metric else METRICS)
    say(to_json(scores) if json else "\n".join(map(str, scores)))
