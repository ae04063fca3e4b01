"""`mtcli data`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mtcli.cli.options import Debug, Json, Quiet, Threads, say, set_up

app = typer.Typer(
    help="Look at parallel text, clean it, hold some of it out.",
    no_args_is_help=True,
)

Src = Annotated[list[str], typer.Option(metavar="FILE", help="Source text, plain or .gz; may be given several times.")]
Tgt = Annotated[list[str], typer.Option(metavar="FILE", help="Its translation, line by line.")]
Langs = Annotated[str, typer.Option(metavar="SRC-TGT", help="Languages, such as de-en.  [default: as the files are named]")]
Held = Annotated[list[str] | None, typer.Option(metavar="FILE", help="Held-out text that must not be trained on.")]


@app.command(epilog="Example: mtcli data stats --src train.de --tgt train.en --report stats.html")
def stats(
    src: Src,
    tgt: Tgt,
    held_src: Held = None,
    held_tgt: Held = None,
    model: Annotated[str, typer.Option("-m", "--model", metavar="MODEL", help="Count the pieces of its tokenizer, too.")] = "",
    report: Annotated[str, typer.Option(metavar="FILE", help="Write the same as a page for a browser.")] = "",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look at parallel text. Lengths, languages, scripts, duplicates, odd characters, lines that are shifted."""
    set_up(quiet)
    from mtcli.files import check_files, check_page
    from mtcli.survey import survey
    from mtcli.survey_report import survey_text, write_survey
    from mtcli.tables import as_json

    check_files([*src, *tgt, *(held_src or []), *(held_tgt or [])], [report])
    check_page(report)
    found = survey(src, tgt, (held_src or [], held_tgt or []), model)
    say(as_json(found) if json else survey_text(found))
    if report:
        write_survey(report, found, [*src, *tgt])


@app.command(epilog="Example: mtcli data clean --src raw.de --tgt raw.en --out-src train.de --out-tgt train.en --explain why.tsv")
def clean(
    src: Src,
    tgt: Tgt,
    out_src: Annotated[str, typer.Option(metavar="FILE", help="What is kept of the source; .gz packs it.")],
    out_tgt: Annotated[str, typer.Option(metavar="FILE", help="What is kept of its translation.")],
    explain: Annotated[
        str,
        typer.Option(metavar="FILE", help="Tab-separated: place, rule, reason, source and target of each pair that is dropped."),
    ] = "",
    rule: Annotated[
        list[str] | None, typer.Option(metavar="NAME=LIMIT|off", help="Another limit, or none; `mtcli data rules` lists them.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="First mend wrong decoding, entities, odd blanks, ligatures, control characters.")
    ] = False,
    langs: Langs = "",
    held_src: Held = None,
    held_tgt: Held = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Keep the pairs of lines that are fit to learn from. Prints how many each rule dropped."""
    set_up(quiet)
    from mtcli.cleaning import CleanRequest, cleaned_table
    from mtcli.cleaning import clean as clean_text
    from mtcli.lines import is_standard_output
    from mtcli.tables import as_json

    request = CleanRequest(src, tgt, out_src, out_tgt, explain, rule or [], repair, langs, held_src or [], held_tgt or [])
    found = clean_text(request)
    counts = as_json(found) if json else cleaned_table(found)
    if not any(map(is_standard_output, (out_src, out_tgt, explain))):
        say(counts)
    elif not quiet:
        typer.echo(counts, err=True)


@app.command()
def rules(debug: Debug = False) -> None:
    """List what `clean` looks at. In this order, with the limits."""
    from mtcli.cleaning import rules_table

    say(rules_table())


@app.command(epilog="Example: mtcli data split --src all.de --tgt all.en --dev 2000 --test 2000 -o split")
def split(
    src: Src,
    tgt: Tgt,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FOLDER", help="Where train.de, dev.de, ... are written.")],
    dev: Annotated[int, typer.Option(metavar="N", help="Pairs to validate with.")] = 2000,
    test: Annotated[int, typer.Option(metavar="N", help="Pairs to test with.")] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Another one draws others.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Hold dev and test text out. It has the lengths of the whole, and shares no side with the rest."""
    set_up(quiet)
    from mtcli.holding import hold_out
    from mtcli.tables import as_json

    held = hold_out(src, tgt, dev, test, output, seed)
    left_out = f", {held.left_out:,} that share a side with these left out" if held.left_out else ""
    say(as_json(held) if json else f"{held.train:,} pairs to train on, {held.dev:,} dev, {held.test:,} test{left_out}")


@app.command(epilog="Example: mtcli data get Statmt-news_commentary-16-deu-eng -o corpora")
def get(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Corpora by their names; `mtdata list -l deu-eng` knows them.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FOLDER", help="Where the text, licences and citations are kept.")
    ],
    accept: Annotated[
        bool, typer.Option("--accept", help="Keep the text under the licences that are shown, without asking.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch public corpora by the program mtdata. Their licences are shown before anything is kept."""
    set_up(quiet)
    from mtcli.fetching import fetch

    def agree(licences: str) -> bool:
        say(licences)
        return accept or (sys.stdin is not None and sys.stdin.isatty() and typer.confirm("Keep it?", err=True))

    for path in fetch(names, output, agree):
        say(str(path))


@app.command(epilog="Example: mtcli data backtranslate -m en-de --tgt more.en --out-src more.de")
def backtranslate(
    model: Annotated[str, typer.Option("-m", "--model", metavar="MODEL", help="Translates the target text back.")],
    tgt: Annotated[str, typer.Option(metavar="FILE", help="Text in the target language.")],
    out_src: Annotated[str, typer.Option(metavar="FILE", help="Where a source line for each of its lines is written.")],
    sample: Annotated[bool, typer.Option("--sample", help="Draw from the model instead of searching for the best.")] = False,
    tag: Annotated[bool, typer.Option(help="Begin each line with <bt>, so that a model learns what was made by one.")] = True,
    seed: Annotated[int, typer.Option(metavar="N", help="Another one draws others.")] = 1,
    threads: Threads = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make sources for text that has none. The same command goes on after an interruption."""
    set_up(quiet)
    from mtcli.growing import backtranslate as make

    make(model, tgt, out_src, sample, tag, seed, threads)


@app.command(epilog="Example: mtcli data distill -m teacher --src train.de --tgt train.en --best-of 5 --out-tgt train.teacher.en")
def distill(
    model: Annotated[str, typer.Option("-m", "--model", metavar="MODEL", help="The teacher.")],
    src: Annotated[str, typer.Option(metavar="FILE", help="Source text.")],
    out_tgt: Annotated[str, typer.Option(metavar="FILE", help="Where the teacher's translations are written.")],
    tgt: Annotated[str, typer.Option(metavar="FILE", help="References, for --best-of.")] = "",
    best_of: Annotated[int, typer.Option(min=1, metavar="N", help="Of N translations take that nearest to the reference.")] = 1,
    threads: Threads = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Have a teacher translate training text. A smaller model learns from it; the same command goes on after an interruption."""
    set_up(quiet)
    from mtcli.growing import distill as make

    make(model, src, tgt, out_tgt, best_of, threads)
