"""`mtcli translate`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, Device, Json, Quiet, set_up

EXAMPLES = "Example: echo 'Guten Morgen!' | mtcli translate -m de-en"


def translate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Text to translate, plain or .gz; - is standard input.")] = "-",
    model: Annotated[
        str, typer.Option("-m", "--model", metavar="MODEL", envvar="MTCLI_MODEL", help="Name or folder of a model package.")
    ] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to write; - is standard output.")] = "-",
    beam_size: Annotated[int | None, typer.Option(help="Hypotheses to follow; 1 is greedy search.")] = None,
    n_best: Annotated[int | None, typer.Option(help="Print so many translations a line, as `line ||| text ||| score`.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="Above 0 favours longer translations.")] = None,
    to: Annotated[str, typer.Option(metavar="LANGUAGE", help="Language to translate to, for a model that knows several.")] = "",
    json: Json = False,
    engine: Annotated[
        str,
        typer.Option(metavar="auto|torch|ctranslate2", help="What computes; auto takes ctranslate2 where it can."),
    ] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="auto|float32", help="Type of numbers; auto is the fastest, float32 the reference.")
    ] = "auto",
    device: Device = "auto",
    threads: Annotated[int, typer.Option(min=0, help="Processor threads, each for sentences of its own; 0 takes all.")] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Translate text, line by line. Line k of the output is the translation of line k of the input."""
    set_up(quiet, pipe=True)
    from mtcli.pipe import Form, StreamOptions, translate_stream

    form: Form = "json" if json else "n-best" if n_best else "text"
    decoding = {"beam_size": beam_size, "n_best": n_best, "length_penalty": length_penalty}
    options = StreamOptions(form, device, engine, precision, threads, to)
    translate_stream(model, file, output, options, {k: v for k, v in decoding.items() if v is not None})
