"""`mtcli models [list|info]`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtcli.cli.options import Debug, say

app = typer.Typer(help="List the model packages that are at hand.", rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(debug: Debug = False) -> None:
    """Name, languages, dev BLEU and folder of each package."""
    from mtcli.package import summaries

    rows = [("NAME", "LANGUAGES", "BLEU", "FOLDER"), *summaries()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for *cells, folder in rows:
        say("  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), folder]))


@app.command()
def info(model: Annotated[str, typer.Argument(metavar="MODEL")], debug: Debug = False) -> None:
    """Where a package is, and all that its model.toml says."""
    from mtcli.package import CONFIG, open_package

    folder = open_package(model).folder
    say(f"# {folder.resolve()}\n{(folder / CONFIG).read_text(encoding='utf-8')}".rstrip())
