"""`mtcli tokenizer train|encode|decode`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, Model, Quiet, say, set_up

app = typer.Typer(
    help="Learn subword pieces, and turn text into them and back.",
    no_args_is_help=True,
)

Side = Annotated[str, typer.Option(metavar="src|tgt", help="Whose pieces; a target may have fewer.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="Text, plain or .gz; - is standard input.")]


@app.command(epilog="Example: mtcli tokenizer train -m de-en --src train.de --tgt train.en")
def train(
    model: Model,
    src: Annotated[list[str], typer.Option(metavar="FILE", help="Source text; may be given several times.")],
    tgt: Annotated[list[str], typer.Option(metavar="FILE", help="Target text, line-aligned.")],
    type: Annotated[str, typer.Option(metavar="unigram|bpe", help="Kind of pieces.")] = "unigram",
    vocab_size: Annotated[int, typer.Option(help="Number of pieces; 0 lets the text decide.")] = 0,
    joint: Annotated[bool, typer.Option("--joint/--separate", help="One vocabulary for both sides, or one for each.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Set an existing package aside and begin again.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Begin a model package with a tokenizer; `mtcli train` fills it."""
    set_up(quiet)
    from mtcli.pieces import begin_package

    folder = begin_package(model, src, tgt, {"type": type, "vocab_size": vocab_size, "joint": joint}, fresh)
    say(str(folder))


@app.command(epilog="Example: mtcli tokenizer encode -m de-en < text.de")
def encode(
    model: Model,
    file: File = "-",
    side: Side = "src",
    ids: Annotated[bool, typer.Option("--ids", help="Print numbers, not pieces.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Text to pieces, with a blank between them; line by line."""
    set_up(quiet)
    from mtcli.pieces import encode_stream

    encode_stream(model, file, side, ids)


@app.command(epilog="Example: mtcli tokenizer encode -m de-en < text.de | mtcli tokenizer decode -m de-en")
def decode(model: Model, file: File = "-", side: Side = "src", quiet: Quiet = False, debug: Debug = False) -> None:
    """Pieces or ids back to text, line by line."""
    set_up(quiet)
    from mtcli.pieces import decode_stream

    decode_stream(model, file, side)
