"""`mtcli translate`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mtcli.cli.options import Debug, Device, Json, Quiet, Threads, set_up
from mtcli.errors import UsageError

EXAMPLES = "Example: echo 'Guten Morgen!' | mtcli translate"


def translate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Text to translate, plain or .gz; - is standard input.")] = "-",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            help="Name or folder of a model package; several translate together.  [env var: MTCLI_MODEL]",
        ),
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to write; - is standard output.")] = "-",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with FILE of -o where an earlier run was cut off.")] = False,
    json: Json = False,
    n_best: Annotated[
        int | None, typer.Option(help="Print so many translations a line, if so many are found, as `line ||| text ||| score`.")
    ] = None,
    alignment: Annotated[bool, typer.Option("--alignment", help="Add which words translate which, as `||| 0-0 1-2`.")] = False,
    beam_size: Annotated[int | None, typer.Option(help="Hypotheses to follow; 1 is greedy search.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="Above 0 favours longer translations.")] = None,
    min_length_ratio: Annotated[
        float | None, typer.Option(help="Fewest pieces of a translation, as a share of the source's.")
    ] = None,
    max_length_ratio: Annotated[
        float | None,
        typer.Option(help="Most pieces, as a share of the source's, which are rounded up to eights; ten more are allowed."),
    ] = None,
    no_repeat_ngram: Annotated[int | None, typer.Option(help="Have no run of so many pieces twice.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Draw translations at random; 1 as the model thinks, less is tamer.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from so many likeliest pieces.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest pieces of this probability together.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is drawn.")] = None,
    prefix: Annotated[
        str, typer.Option(metavar="FILE", help="What the translation of each line begins with, line by line.")
    ] = "",
    glossary: Annotated[
        str, typer.Option(metavar="FILE", help="Terms to translate as given: source term, tab, target term; one a line.")
    ] = "",
    split: Annotated[
        bool | None,
        typer.Option(
            "--split-sentences/--no-split-sentences",
            help="Translate each sentence of a line by itself.  [default: if the model has seen hardly any others]",
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="text|html|markdown", help="What the lines are; tags, code and links are kept.")
    ] = "text",
    score_target: Annotated[
        str, typer.Option(metavar="FILE", help="Print the log-probability of the translations in FILE instead, line by line.")
    ] = "",
    from_: Annotated[
        str, typer.Option("--from", metavar="LANGUAGE|auto", help="Language of the text, which chooses a model; auto guesses it.")
    ] = "",
    to: Annotated[str, typer.Option(metavar="LANGUAGE", help="Language to translate to.")] = "",
    engine: Annotated[
        str,
        typer.Option(metavar="auto|torch|ctranslate2", help="What computes; auto takes ctranslate2 where it can."),
    ] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="auto|float32", help="Type of numbers; auto is the fastest, float32 the reference.")
    ] = "auto",
    device: Device = "auto",
    threads: Threads = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Translate text, line by line. Line k of the output is the translation of line k of the input."""
    set_up(quiet)
    if threads:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch's own, where it works without others
    from mtcli.pipe import Form, StreamOptions, translate_stream
    from mtcli.treatment import Treatment

    given = {
        "beam_size": beam_size,
        "n_best": n_best,
        "length_penalty": length_penalty,
        "min_length_ratio": min_length_ratio,
        "max_length_ratio": max_length_ratio,
        "no_repeat_ngram": no_repeat_ngram,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
    }
    decoding = {key: value for key, value in given.items() if value is not None}
    if score_target and (
        format_ != "text" or prefix or glossary or alignment or split is not None or decoding or len(model or []) > 1
    ):
        raise UsageError("--score-target scores plain text as it is given, with one model: leave out the options of searching")
    if prefix and format_ != "text":
        raise UsageError(f"--format {format_} knows no prefixes: leave out --prefix")
    if model and from_:
        raise UsageError("--from chooses a model by its language, and -m names one: give one of the two")
    if resume and (output == "-" or format_ != "text" or (n_best and not json)):
        raise UsageError("--resume goes on with the file of -o, line by line: leave out --format, and --n-best without --json")
    form: Form = "json" if json else "n-best" if n_best else "text"
    treatment = Treatment(to, format_, glossary, alignment, split, scoring=bool(score_target))  # type: ignore[arg-type]
    options = StreamOptions(form, device, engine, precision, threads, prefix, score_target, from_, resume, treatment)
    models = model or [name for name in [os.environ.get("MTCLI_MODEL")] if name and not from_]
    translate_stream(models, file, output, options, decoding)
