"""`mtcli export`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, Model, Quiet, say, set_up

EXAMPLES = "Example: mtcli export -m de-en --to ctranslate2"


def export(
    model: Model,
    to: Annotated[
        str, typer.Option(metavar="ctranslate2|package", help="Format to write; package is one of our own, as small as can be.")
    ],
    out: Annotated[
        str,
        typer.Argument(metavar="OUT", help="New folder; with none, the package itself. NAME.zip makes one file of a package."),
    ] = "",
    quantization: Annotated[str, typer.Option(metavar="int8|float16|float32", help="Type of the weights.")] = "int8",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a model in the format of another program. In its package, `mtcli translate` takes it from then on."""
    set_up(quiet)
    from mtcli.errors import UsageError
    from mtcli.export import export_ctranslate2, export_package
    from mtcli.package import open_package

    match to:
        case "ctranslate2":
            say(str(export_ctranslate2(open_package(model), out, quantization)))
        case "package":
            say(str(export_package(open_package(model), out, quantization)))
        case _:
            raise UsageError(f"--to cannot be {to}: choose ctranslate2 or package")
