"""`mtcli import`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, Quiet, say, set_up

EXAMPLES = "Example: mtcli import package de-en.zip"


def import_(
    of: Annotated[str, typer.Argument(metavar="package", help="Format of the file: what `mtcli export --to package` writes.")],
    path: Annotated[str, typer.Argument(metavar="FILE", help="A zip archive.")],
    model: Annotated[str, typer.Option("-m", "--model", metavar="MODEL", help="Its new name.  [default: that of FILE]")] = "",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take a model package from one file, and check that it is whole. Nothing in it is run."""
    set_up(quiet)
    from mtcli.archive import import_package
    from mtcli.errors import UsageError

    if of != "package":
        raise UsageError(f"the format cannot be {of}: choose package")
    say(str(import_package(path, model)))
